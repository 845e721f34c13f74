#include "crew.hpp"
#include "walk.hpp"
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fmt/format.h>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

namespace roleswap::explore {
namespace {

struct Totals {
    std::uint64_t states = 0, edges = 0, settled = 0;
    double seconds = 0;
    Seen seen;
};

void print(const Mode& mode, const Report& r)
{
    fmt::print("{:<20} {} of {:<42} {:>9} states {:>9} edges, depth {:>3}, {:>6.1f} s, {}\n",
               mode.name, mode.faults, kinds_of(mode), r.states, r.edges, r.depth, r.seconds,
               r.closed ? "closed" : "bounded");
    std::fflush(stdout);
}

void fail(const Mode& mode, const Report& report)
{
    const std::string script = script_of(mode);
    fmt::print("VIOLATION after {} steps: {}\n  {} replays it\n", report.path.size(),
               report.seen.violation, script);
    std::fflush(stdout);
    std::ofstream(script) << write_walk(mode, report.path, report.seen.violation);
}

/// Tells; false where it is not as it must be.
bool judge(const Job& job, const Report& report)
{
    print(job.mode, report);
    if (!report.seen.violation.empty()) return fail(job.mode, report), false;
    if (report.closed || job.ends == Ends::bounded) return true;
    fmt::print("FAILED: this search has to close and did not within {} states\n", job.states);
    return false;
}

void add(Totals& totals, const Report& report)
{
    totals.states += report.states;
    totals.edges += report.edges;
    totals.settled += report.settled;
    totals.seconds += report.seconds;
    totals.seen.rules |= report.seen.rules;
    totals.seen.dr_rules |= report.seen.dr_rules;
    totals.seen.sights |= report.seen.sights;
}

/// Searches that know nothing of each other, several at a time.
class Crew {
public:
    Crew(const std::vector<Job>& jobs, unsigned live_sample)
        : jobs_(jobs), live_sample_(live_sample)
    {
    }

    /// False where one of them is not as it must be; no new one is begun then.
    bool work(unsigned threads, Totals& totals)
    {
        std::vector<std::thread> crew;
        for (unsigned i = 0; i < threads; ++i) crew.emplace_back([&] { work_off(totals); });
        for (std::thread& one : crew) one.join();
        return well_;
    }

private:
    const Job* next()
    {
        const std::scoped_lock lock(mutex_);
        return well_ && next_ < jobs_.size() ? &jobs_[next_++] : nullptr;
    }
    void work_off(Totals& totals)
    {
        while (const Job* job = next()) {
            const Bounds bounds{.states = job->states, .live_sample = live_sample_};
            const Report report = search(job->mode, bounds);
            const std::scoped_lock lock(mutex_);
            add(totals, report);
            well_ = judge(*job, report) && well_;
        }
    }

    const std::vector<Job>& jobs_;
    const unsigned live_sample_;
    std::mutex mutex_;
    std::size_t next_ = 0;
    bool well_ = true;
};

/// What the dr node is there for: it mirrors, is activated, leads again after a restart, gives its
/// role up and back.
constexpr std::array dr_rows = {
    std::pair{core::Role::undecided, core::Event::peer_is_master},
    std::pair{core::Role::standby, core::Event::claim_decided},
    std::pair{core::Role::undecided, core::Event::claim_decided},
    std::pair{core::Role::claiming, core::Event::store_leads},
    std::pair{core::Role::master, core::Event::hand_over_started},
    std::pair{core::Role::releasing, core::Event::hand_over_undone},
    std::pair{core::Role::releasing, core::Event::handed_over},
    std::pair{core::Role::master, core::Event::newer_epoch},
    std::pair{core::Role::master, core::Event::store_failed},
    std::pair{core::Role::demoting, core::Event::released},
};

bool is_used(std::uint32_t rules, const core::Rule& rule)
{
    return rules >> (&rule - core::rules) & 1;
}

bool all_rows_used(const Seen& seen)
{
    bool all = true;
    for (const core::Rule& rule : core::rules) {
        if (is_used(seen.rules, rule)) continue;
        fmt::print("never used in the pair: {} {}\n", core::to_string(rule.from),
                   core::to_string(rule.event));
        all = false;
    }
    for (const auto& [from, event] : dr_rows) {
        if (is_used(seen.dr_rules, *core::find_rule(from, event))) continue;
        fmt::print("never used by the dr node: {} {}\n", core::to_string(from),
                   core::to_string(event));
        all = false;
    }
    return all;
}

/// Every row of the table and every situation must have come in one of the searches.
bool all_seen(const Seen& seen)
{
    bool all = all_rows_used(seen);
    for (std::size_t i = 0; i < sights; ++i) {
        if (seen.sights >> i & 1) continue;
        fmt::print("never seen: {}\n", to_string(Sight(i)));
        all = false;
    }
    return all;
}

bool is_enough(const Totals& totals, double seconds, const Demand& demand)
{
    if (totals.states < demand.states)
        fmt::print("FAILED: {} distinct states, of which {} are demanded\n", totals.states,
                   demand.states);
    if (seconds > demand.seconds)
        fmt::print("FAILED: it took {:.0f} s, and {:.0f} s are allowed\n", seconds, demand.seconds);
    return totals.states >= demand.states && seconds <= demand.seconds;
}

void print(const Totals& totals, double seconds, unsigned live_sample)
{
    fmt::print("{} distinct states, {} edges, {} states (one in {}) healed and settled, {:.0f} s; "
               "{} of {} rows used, {} by the dr node, {} of {} situations seen, no violation\n",
               totals.states, totals.edges, totals.settled, live_sample, seconds,
               __builtin_popcount(totals.seen.rules), std::size(core::rules),
               __builtin_popcount(totals.seen.dr_rules), __builtin_popcount(totals.seen.sights),
               sights);
}

} // namespace

std::string script_of(const Mode& mode)
{
    return mode.sabotage == core::Settings::Sabotage::none
               ? "explore.script"
               : fmt::format("planted_{}.script", name_of(mode.sabotage));
}

bool run_job(const Job& job, const Bounds& bounds)
{
    return judge(job, search(job.mode, bounds));
}

bool run_jobs(const std::vector<Job>& jobs, const Demand& demand, unsigned threads)
{
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    Totals totals;
    if (!Crew(jobs, demand.live_sample).work(threads, totals)) return false;
    // What else the machine does is no matter of the searches.
    const double worked = static_cast<double>(std::clock()) / CLOCKS_PER_SEC / threads;
    const double passed = std::chrono::duration<double>(Clock::now() - begin).count();
    const double seconds = std::min(worked, passed);
    const bool all = all_seen(totals.seen);
    print(totals, seconds, demand.live_sample);
    return is_enough(totals, seconds, demand) && all;
}

} // namespace roleswap::explore
