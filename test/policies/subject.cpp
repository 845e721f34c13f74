#include "script.hpp"
#include "work/outages.hpp"
#include "work/runner.hpp"
#include <algorithm>

namespace roleswap::test {
namespace {

using namespace std::chrono_literals;
using work::Model;
using work::OpenRun;

constexpr task::Time begin{std::chrono::seconds(1'767'225'600)}; // 2026-01-01

task::Task make_task(const Policies& policies)
{
    task::Task task;
    task.name = "it";
    task.schedule = "every 10s";
    task.command = "true";
    task.catch_up = policies.catch_up;
    task.catch_up_limit = catch_up_limit;
    task.late_limit = std::chrono::seconds(late_limit);
    task.overlap = policies.overlap;
    task.retries = static_cast<std::uint32_t>(policies.retries);
    task.retry_delay = std::chrono::seconds(retry_delay);
    task.timeout = std::chrono::seconds(policies.timeout);
    task.on_swap = policies.on_swap;
    task.after_crash = policies.after_crash;
    return task;
}

/// The engine's paths between the pure parts, without store and processes.
class Subject {
public:
    Subject(const Policies& policies, const Script& script)
        : script_(script), outages_(std::chrono::seconds(policies.hold_after))
    {
        auto task = make_task(policies);
        auto schedule = task::schedule_of(task, {});
        model_.queues["default"];
        model_.put_task({std::move(task), std::move(schedule), begin});
    }
    Fates run();

private:
    struct Process {
        int end = 0;
        run::RunEnd how;
    };
    static int second(work::Instant time)
    {
        return static_cast<int>(std::chrono::floor<std::chrono::seconds>(time - begin).count());
    }
    static work::Instant instant(int time) { return begin + std::chrono::seconds(time); }
    work::TaskEntry& entry() { return model_.tasks.at("it"); }

    void end_some(int now);
    void end(std::int64_t id, const run::RunEnd& how, int now);
    void begin_gap(const Gap& gap);
    void crash(int now);
    void plan(int now);
    void start_some(int now);
    void start(std::int64_t id, int now);

    const Script& script_;
    Model model_;
    work::Outages outages_;
    std::map<std::int64_t, Process> processes_;
    std::map<std::int64_t, std::string> states_;
    std::map<std::int64_t, std::vector<int>> starts_;
    std::int64_t ids_ = 0;
    std::map<int, std::int64_t> due_; ///< by due time
};

void Subject::end_some(int now)
{
    for (const auto& [id, process] : std::map(processes_))
        if (process.end == now) end(id, process.how, now);
}

void Subject::end(std::int64_t id, const run::RunEnd& how, int now)
{
    const auto run = model_.open.at(id);
    const auto after = work::after_end(entry().task, run, how, instant(now));
    model_.forget(id);
    processes_.erase(id);
    states_[id] = after.state;
    if (after.again) model_.add_waiting(*after.again);
}

/// As load.cpp has the store do it.
void Subject::crash(int now)
{
    for (const auto& [id, process] : std::exchange(processes_, {})) {
        auto run = model_.open.at(id);
        model_.forget(id);
        const auto plan = task::retry_plan(entry().task, run.retries_used, task::Outcome::unknown);
        states_[id] = plan.kind == task::RetryPlan::Kind::hold ? "interrupted" : "queued";
        if (plan.kind == task::RetryPlan::Kind::hold) continue;
        ++run.attempt;
        run.not_before.reset();
        model_.add_waiting(run);
    }
    static_cast<void>(now);
}

void Subject::begin_gap(const Gap& gap)
{
    if (gap.kind == Gap::Kind::crash) crash(gap.from);
    if (gap.kind != Gap::Kind::swap || entry().task.on_swap != task::OnSwap::move) return;
    for (const auto& [id, process] : std::map(processes_)) {
        model_.open.at(id).moving = true;
        end(id, {.id = id, .started = true, .killed = run::Killed::by_request}, gap.from);
    }
}

void Subject::plan(int now)
{
    const auto time = std::chrono::floor<std::chrono::seconds>(instant(now));
    outages_.planned(time);
    const auto plan = task::catch_up_plan(entry().schedule, task::catch_up_policy(entry().task, {}),
                                          entry().last_due, time);
    entry().last_due = time;
    for (std::size_t i = 0; i < plan.due.size(); ++i) {
        const auto id = ++ids_;
        due_[second(plan.due[i])] = id;
        if (i < plan.made_up && outages_.covers(plan.due[i])) {
            states_[id] = "held";
            continue;
        }
        const auto decision = model_.decide(entry(), plan.due.size());
        states_[id] = decision == task::OverlapDecision::skip ? "skipped" : "queued";
        if (decision == task::OverlapDecision::skip) continue;
        model_.add_waiting({.id = id, .task = "it", .queue = "default", .due = plan.due[i]});
        if (decision == task::OverlapDecision::start) start(id, now);
    }
}

void Subject::start_some(int now)
{
    for (const auto id : model_.startable(instant(now))) start(id, now);
}

void Subject::start(std::int64_t id, int now)
{
    model_.claim(id);
    const auto& run = model_.open.at(id);
    const auto due = second(run.due);
    const auto timeout = static_cast<int>(entry().task.timeout / 1s);
    const auto length = script_.length(due, run.attempt);
    const bool late = timeout > 0 && length > timeout;
    processes_[id] = {now + (late ? timeout : length),
                      {.id = id,
                       .started = true,
                       .code = script_.fails(due, run.attempt) ? 1 : 0,
                       .killed = late ? run::Killed::timed_out : run::Killed::no}};
    states_[id] = "running";
    starts_[id].push_back(now);
}

Fates Subject::run()
{
    auto gap = script_.gaps.begin();
    bool in_gap = false;
    for (int now = 1; now <= script_.end; ++now) {
        end_some(now);
        const bool there = gap != script_.gaps.end();
        if (there && !in_gap && gap->from == now) {
            in_gap = true;
            begin_gap(*gap);
        }
        const bool drained = there && (gap->kind != Gap::Kind::swap || processes_.empty());
        if (in_gap && gap->until <= now && drained) {
            in_gap = false;
            ++gap;
        }
        if (!in_gap) plan(now);
        if (!in_gap || gap->kind == Gap::Kind::stop) start_some(now);
    }
    Fates fates;
    for (const auto& [due, id] : due_) fates[due] = {states_[id], starts_[id]};
    return fates;
}

} // namespace

Fates by_product(const Policies& policies, const Script& script)
{
    return Subject(policies, script).run();
}

} // namespace roleswap::test
