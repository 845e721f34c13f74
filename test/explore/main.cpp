#include "modes.hpp"
#include "search.hpp"
#include "walk.hpp"
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <thread>

/// explore ci | nightly [THREADS]
/// explore sabotage NAME    must find the planted bug
/// explore same WALKS       the packed world behaves as the world
/// explore mode NAME [--faults N] [--kinds DIGITS] [--states N] [--seconds N]
///
/// The shortest path to a violation goes to the file explore.script, for test/scenario.
namespace {

using namespace roleswap;
using namespace roleswap::explore;

constexpr const char* script = "explore.script";

struct Totals {
    std::uint64_t states = 0, edges = 0, settled = 0;
    double seconds = 0;
    Seen seen;
};

std::string kinds_of(const Mode& mode)
{
    static constexpr const char* names[] = {"cut",   "crash", "freeze", "stall",
                                            "store", "third", "guard",  "command"};
    std::string text;
    for (std::size_t kind = 0; kind < fault_kinds; ++kind)
        if (mode.budget[kind] > 0) text += (text.empty() ? "" : "+") + std::string(names[kind]);
    return text;
}

void print(const Mode& mode, const Report& r)
{
    fmt::print("{:<20} {} of {:<42} {:>9} states {:>9} edges, depth {:>3}, {:>6.1f} s, {}\n",
               mode.name, mode.faults, kinds_of(mode), r.states, r.edges, r.depth, r.seconds,
               r.closed ? "closed" : "bounded");
    std::fflush(stdout);
}

void fail(const Mode& mode, const Report& report)
{
    fmt::print("VIOLATION after {} steps: {}\n  {} replays it\n", report.path.size(),
               report.seen.violation, script);
    std::fflush(stdout);
    std::ofstream(script) << write_walk(mode, report.path, report.seen.violation);
}

/// Adds up and tells; false where an invariant does not hold.
bool note(const Job& job, const Report& report, Totals& totals)
{
    print(job.mode, report);
    totals.states += report.states;
    totals.edges += report.edges;
    totals.settled += report.settled;
    totals.seconds += report.seconds;
    totals.seen.rules |= report.seen.rules;
    totals.seen.sights |= report.seen.sights;
    if (report.seen.violation.empty()) return true;
    fail(job.mode, report);
    return false;
}

/// False where an invariant does not hold.
bool run(const Job& job, Totals& totals, double seconds = 3600)
{
    Bounds bounds;
    bounds.states = job.states;
    bounds.seconds = seconds;
    return note(job, search(job.mode, bounds), totals);
}

/// Searches that know nothing of each other, several at a time.
class Crew {
public:
    explicit Crew(const std::vector<Job>& jobs) : jobs_(jobs) {}

    /// False where an invariant does not hold in one of them; no new one is begun then.
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
            Bounds bounds;
            bounds.states = job->states;
            bounds.seconds = endless;
            const Report report = search(job->mode, bounds);
            const std::scoped_lock lock(mutex_);
            well_ = note(*job, report, totals) && well_;
        }
    }

    static constexpr double endless = 1e9;
    const std::vector<Job>& jobs_;
    std::mutex mutex_;
    std::size_t next_ = 0;
    bool well_ = true;
};

/// Every row of the table and every situation must have come in one of the searches.
bool all_seen(const Seen& seen)
{
    bool all = true;
    for (std::size_t i = 0; i < std::size(core::rules); ++i) {
        if (seen.rules >> i & 1) continue;
        fmt::print("never used: {} {}\n", core::to_string(core::rules[i].from),
                   core::to_string(core::rules[i].event));
        all = false;
    }
    for (std::size_t i = 0; i < sights; ++i) {
        if (seen.sights >> i & 1) continue;
        fmt::print("never seen: {}\n", to_string(Sight(i)));
        all = false;
    }
    return all;
}

bool run_all(const std::vector<Job>& jobs, unsigned threads)
{
    Totals totals;
    if (!Crew(jobs).work(threads, totals)) return false;
    const bool all = all_seen(totals.seen);
    fmt::print("{} states, {} edges, {} healed and settled, {:.0f} s; {} of {} rows used, {} of {} "
               "situations seen, no violation\n",
               totals.states, totals.edges, totals.settled, totals.seconds,
               __builtin_popcount(totals.seen.rules), std::size(core::rules),
               __builtin_popcount(totals.seen.sights), sights);
    return all;
}

bool run_same(std::uint64_t walks)
{
    for (const Mode& mode : modes())
        for (std::uint64_t seed = 1; seed <= walks; ++seed)
            if (const auto differs = same(mode, seed, 400); !differs.empty()) {
                fmt::print("{}: {}", mode.name, differs);
                return false;
            }
    fmt::print("{} walks of 400 steps in each of {} modes: no difference\n", walks, modes().size());
    return true;
}

bool run_mode(int argc, char** argv)
{
    Job job{find_mode(argv[2]), 1'000'000};
    double seconds = 600;
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string word = argv[i], value = argv[i + 1];
        if (word == "--faults")
            job.mode.faults = static_cast<std::uint8_t>(std::stoul(value));
        else if (word == "--kinds")
            only(job.mode, value, job.mode.faults);
        else if (word == "--states")
            job.states = std::stoull(value);
        else if (word == "--seconds")
            seconds = std::stod(value);
        else
            throw std::invalid_argument("unknown argument " + word);
    }
    Totals totals;
    return run(job, totals, seconds);
}

bool explore_as_told(int argc, char** argv)
{
    const std::string what = argc > 1 ? argv[1] : "";
    const auto threads = static_cast<unsigned>(
        argc > 2 && (what == "ci" || what == "nightly") ? std::stoul(argv[2]) : 1);
    if (what == "ci") return run_all(ci_jobs(), threads);
    if (what == "nightly") return run_all(nightly_jobs(), threads);
    if (argc < 3)
        throw std::invalid_argument("ci, nightly, sabotage NAME, same WALKS or mode NAME expected");
    if (what == "same") return run_same(std::stoull(argv[2]));
    if (what == "mode") return run_mode(argc, argv);
    if (what != "sabotage") throw std::invalid_argument("unknown argument " + what);
    Totals totals;
    return !run(sabotage_job(argv[2]), totals);
}

} // namespace

int main(int argc, char** argv)
try {
    return explore_as_told(argc, argv) ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << "explore: " << error.what() << "\n";
    return 2;
}
