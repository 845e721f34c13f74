#include "crew.hpp"
#include "walk.hpp"
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

/// explore ci | nightly [THREADS]
/// explore sabotage NAME    must find the planted bug, and its script must show it again
/// explore same WALKS       the packed world behaves as the world
/// explore replay SCRIPT    as test/scenario does
/// explore mode NAME [--faults N] [--kinds DIGITS] [--states N] [--seconds N] [--live EVERY]
///
/// The shortest path to a violation goes to the file explore.script (planted_NAME.script where the
/// bug was planted), for test/scenario.
namespace {

using namespace roleswap;
using namespace roleswap::explore;

constexpr double ci_seconds = 240;
constexpr std::uint64_t nightly_states = 50'000'000;

std::string replay_file(const std::string& path)
{
    std::ifstream file(path);
    if (!file) throw std::invalid_argument("cannot read " + path);
    return replay_walk({std::istreambuf_iterator<char>(file), {}});
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
    Bounds bounds{.seconds = 600};
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string word = argv[i], value = argv[i + 1];
        if (word == "--faults")
            job.mode.faults = static_cast<std::uint8_t>(std::stoul(value));
        else if (word == "--kinds")
            only(job.mode, value, job.mode.faults);
        else if (word == "--states")
            job.states = std::stoull(value);
        else if (word == "--seconds")
            bounds.seconds = std::stod(value);
        else if (word == "--live")
            bounds.live_sample = static_cast<unsigned>(std::stoul(value));
        else
            throw std::invalid_argument("unknown argument " + word);
    }
    bounds.states = job.states;
    return run_job(job, bounds);
}

/// Found, written, read again, and the same is wrong at its end.
bool run_sabotage(const std::string& name)
{
    const Job job = sabotage_job(name);
    const Report report = search(job.mode, {.states = job.states});
    const std::string& violation = report.seen.violation;
    if (violation.empty()) {
        fmt::print("the planted bug {} was not found in {} states\n", name, report.states);
        return false;
    }
    const std::string script = script_of(job.mode);
    std::ofstream(script) << write_walk(job.mode, report.path, violation);
    const std::string trace = replay_file(script);
    fmt::print("{} after {} states and {} steps: {}\n", name, report.states, report.path.size(),
               violation);
    if (trace.ends_with("VIOLATION: " + violation + "\n")) return true;
    fmt::print("{} does not show it again:\n{}", script, trace);
    return false;
}

bool run_replay(const std::string& path)
{
    const std::string trace = replay_file(path);
    fmt::print("{}", trace);
    return trace.ends_with("settles\n");
}

bool explore_as_told(int argc, char** argv)
{
    const std::string what = argc > 1 ? argv[1] : "";
    const bool all = what == "ci" || what == "nightly";
    const auto threads = static_cast<unsigned>(argc > 2 && all ? std::stoul(argv[2]) : 1);
    if (what == "ci") return run_jobs(ci_jobs(), {.seconds = ci_seconds}, threads);
    if (what == "nightly")
        return run_jobs(nightly_jobs(), {.states = nightly_states, .live_sample = 1}, threads);
    if (argc < 3)
        throw std::invalid_argument(
            "ci, nightly, sabotage NAME, same WALKS, replay SCRIPT or mode NAME expected");
    if (what == "same") return run_same(std::stoull(argv[2]));
    if (what == "mode") return run_mode(argc, argv);
    if (what == "replay") return run_replay(argv[2]);
    if (what != "sabotage") throw std::invalid_argument("unknown argument " + what);
    return run_sabotage(argv[2]);
}

} // namespace

int main(int argc, char** argv)
try {
    return explore_as_told(argc, argv) ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << "explore: " << error.what() << "\n";
    return 2;
}
