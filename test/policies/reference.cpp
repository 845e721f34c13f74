// What roleswap.toml(5), TASKS, promises; nothing of the product is used here but the names of the
// policies.
#include "script.hpp"
#include <algorithm>

namespace roleswap::test {
namespace {

struct Run {
    int due = 0;
    std::string state = "queued";
    int attempt = 1;
    int retries_left = 0;
    int not_before = 0;
    int ends = 0; ///< while it runs
    std::string becomes;
    std::vector<int> starts;
    bool is_over() const { return state != "queued" && state != "running"; }
};

class Reference {
public:
    Reference(const Policies& policies, const Script& script) : it_(policies), script_(script) {}
    Fates run();

private:
    void end_attempts(int now);
    void crash();
    void stop_for_swap(int now);
    void come_due(int now);
    std::vector<int> wanted(const std::vector<int>& older, bool has_late) const;
    void add(int due, int at_once);
    void start_what_may(int now);
    bool may_start(const Run& run, int now) const;
    void start(Run& run, int now);
    bool any_runs() const
    {
        return std::ranges::any_of(runs_, [](const Run& run) { return run.state == "running"; });
    }

    const Policies& it_;
    const Script& script_;
    std::vector<Run> runs_; ///< in the order of their due times
    int decided_ = 0;       ///< due times up to here are
    int scheduled_ = 0;     ///< when somebody last did
};

/// "retries: So often a run that failed or timed out is tried again", after retry_delay.
void Reference::end_attempts(int now)
{
    for (auto& run : runs_) {
        if (run.state != "running" || run.ends != now) continue;
        run.state = run.becomes;
        if (run.state == "ok" || run.retries_left == 0) continue;
        --run.retries_left;
        ++run.attempt;
        run.state = "queued";
        run.not_before = now + retry_delay;
    }
}

/// after_crash: "rerun (default) runs it again, hold marks it interrupted".
void Reference::crash()
{
    for (auto& run : runs_) {
        if (run.state != "running") continue;
        run.state = "interrupted";
        if (it_.after_crash == task::AfterCrash::hold) continue;
        run.state = "queued";
        ++run.attempt;
        run.not_before = 0;
    }
}

/// on_swap: "move stops it, and the new master runs it again"; that is no retry.
void Reference::stop_for_swap(int now)
{
    if (it_.on_swap == task::OnSwap::wait) return;
    for (auto& run : runs_) {
        if (run.state != "running") continue;
        run.state = "queued";
        ++run.attempt;
        run.not_before = now;
    }
}

/// catch_up: no run of the older due times, one for the newest where no newer one has a run, or one
/// for each, the newest ones up to the limit.
std::vector<int> Reference::wanted(const std::vector<int>& older, bool has_late) const
{
    std::size_t count = 0;
    if (it_.catch_up == task::CatchUp::last && !has_late) count = 1;
    if (it_.catch_up == task::CatchUp::all) count = catch_up_limit;
    count = std::min(count, older.size());
    return {older.end() - static_cast<std::ptrdiff_t>(count), older.end()};
}

void Reference::come_due(int now)
{
    std::vector<int> older;
    std::vector<int> late;
    for (int due = decided_ + 1; due <= now; ++due)
        if (due % period == 0) (due + late_limit >= now ? late : older).push_back(due);
    decided_ = now;
    const bool outage = it_.hold_after > 0 && now - scheduled_ > it_.hold_after;
    const int since = scheduled_;
    scheduled_ = now;
    const auto made_up = wanted(older, !late.empty());
    const int at_once = static_cast<int>(made_up.size() + late.size());
    for (const int due : made_up) {
        if (outage && due > since)
            runs_.push_back({.due = due, .state = "held"});
        else
            add(due, at_once);
    }
    for (const int due : late) add(due, at_once);
}

/// overlap: skip records it as skipped while an earlier run is not over, but not where several are
/// made up at once; else it waits for its turn.
void Reference::add(int due, int at_once)
{
    const bool earlier = std::ranges::any_of(runs_, [](const Run& run) { return !run.is_over(); });
    Run run{.due = due, .retries_left = it_.retries};
    if (earlier && it_.overlap == task::Overlap::skip && at_once == 1) run.state = "skipped";
    runs_.push_back(run);
}

/// Without overlap one runs at a time, and what has begun comes before all that has not.
bool Reference::may_start(const Run& run, int now) const
{
    if (run.state != "queued" || run.not_before > now) return false;
    if (it_.overlap == task::Overlap::parallel) return true;
    return std::ranges::none_of(runs_, [&](const Run& other) {
        return other.state == "running" ||
               (other.state == "queued" && other.attempt > 1 && run.attempt == 1);
    });
}

void Reference::start_what_may(int now)
{
    for (auto& run : runs_)
        if (may_start(run, now)) start(run, now);
}

void Reference::start(Run& run, int now)
{
    run.state = "running";
    run.starts.push_back(now);
    const int length = script_.length(run.due, run.attempt);
    run.ends = now + length;
    run.becomes = script_.fails(run.due, run.attempt) ? "failed" : "ok";
    if (it_.timeout == 0 || length <= it_.timeout) return;
    run.ends = now + it_.timeout;
    run.becomes = "timeout";
}

Fates Reference::run()
{
    std::size_t next = 0;
    const Gap* gap = nullptr;
    for (int now = 1; now <= script_.end; ++now) {
        end_attempts(now);
        if (gap == nullptr && next < script_.gaps.size() && script_.gaps[next].from == now) {
            gap = &script_.gaps[next++];
            if (gap->kind == Gap::Kind::crash) crash();
            if (gap->kind == Gap::Kind::swap) stop_for_swap(now);
        }
        const bool waits = gap != nullptr && gap->kind == Gap::Kind::swap && any_runs();
        if (gap != nullptr && gap->until <= now && !waits) gap = nullptr;
        if (gap == nullptr) come_due(now);
        if (gap == nullptr || gap->kind == Gap::Kind::stop) start_what_may(now);
    }
    Fates fates;
    for (const auto& run : runs_) fates[run.due] = {run.state, run.starts};
    return fates;
}

} // namespace

Fates by_manual(const Policies& policies, const Script& script)
{
    return Reference(policies, script).run();
}

} // namespace roleswap::test
