#include "world.hpp"
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <string_view>

/// sim --seeds N [--seed S] [--trace] [--sabotage NAME] [--unsafe]
/// Runs N seeds from S on.  Without sabotage every seed must hold all invariants; with it at least
/// one must show two masters, a loss or an epoch out of order (I1 to I5).
namespace {

using namespace roleswap;
using Sabotage = core::Settings::Sabotage;

struct Run {
    sim::Options options;
    std::uint64_t seeds = 1;
};

std::uint64_t number(std::string_view text)
{
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc{} || result.ptr != text.data() + text.size())
        throw std::invalid_argument(fmt::format("\"{}\" is not a number", text));
    return value;
}

Sabotage sabotage(std::string_view name)
{
    if (name == "no_epoch_check") return Sabotage::no_epoch_check;
    if (name == "lead_before_persisted") return Sabotage::lead_before_persisted;
    if (name == "lease_ignored") return Sabotage::lease_ignored;
    throw std::invalid_argument(fmt::format(
        "\"{}\": known are no_epoch_check, lead_before_persisted, lease_ignored", name));
}

Run parse(int argc, char** argv)
{
    Run run;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
        if (word == "--trace")
            run.options.trace = true;
        else if (word == "--unsafe")
            run.options.unsafe = true;
        else if (word == "--seeds")
            run.seeds = number(value), ++i;
        else if (word == "--seed")
            run.options.seed = number(value), ++i;
        else if (word == "--sabotage")
            run.options.sabotage = sabotage(value), ++i;
        else
            throw std::invalid_argument(fmt::format("unknown argument \"{}\"", word));
    }
    return run;
}

struct Totals {
    std::uint64_t violations = 0, harms = 0, replays = 0, traces = 0;
    sim::Outcome sum;
};

void add(sim::Outcome& sum, const sim::Outcome& one)
{
    sum.frozen_overlaps += one.frozen_overlaps > 0;
    sum.takeovers += one.takeovers;
    sum.handovers += one.handovers;
    sum.undone += one.undone;
    sum.fenced += one.fenced;
    sum.went_alone += one.went_alone;
    sum.commits += one.commits;
    for (std::size_t i = 0; i < sum.faults.size(); ++i) sum.faults[i] += one.faults[i];
}

/// A world that ran to its end had each kind of fault, else it shows less than it claims.
void check_faults(Totals& totals, std::uint64_t seed, const sim::Outcome& outcome)
{
    for (std::size_t i = 0; i < sim::fault_names.size() && outcome.violation.empty(); ++i) {
        if (outcome.faults[i] > 0) continue;
        fmt::print("seed {}: without the fault {}\n", seed, sim::fault_names[i]);
        totals.violations++;
    }
}

/// The first of a sample line by line, the rest by the hash over all inputs and effects.
void replay(Totals& totals, sim::Options options, const sim::Outcome& outcome)
{
    constexpr std::uint64_t whole_traces = 25;
    bool same = sim::World(options).run().hash == outcome.hash;
    if (totals.traces < whole_traces) {
        options.trace = true;
        const std::string trace = sim::World(options).run().trace;
        same = same && !trace.empty() && sim::World(options).run().trace == trace;
        totals.traces++;
    }
    if (same)
        totals.replays++;
    else
        fmt::print("seed {}: a replay differs\n", options.seed), totals.violations++;
}

Totals run_all(const Run& run)
{
    Totals totals;
    sim::Options options = run.options;
    for (std::uint64_t i = 0; i < run.seeds; ++i, ++options.seed) {
        const sim::Outcome outcome = sim::World(options).run();
        add(totals.sum, outcome);
        check_faults(totals, options.seed, outcome);
        fmt::print("{}", outcome.trace);
        if (!outcome.violation.empty()) {
            // A pair that stays apart is a find too, but the plants are to be caught doing harm.
            const bool harm = outcome.violation.find("I6") == std::string::npos;
            if (++totals.violations <= 10 || harm)
                fmt::print("seed {}: {}\n", options.seed, outcome.violation);
            totals.harms += harm;
            if (run.options.sabotage != Sabotage::none && harm) break;
        }
        if (i % 100 == 0 && !options.trace) replay(totals, options, outcome);
    }
    return totals;
}

} // namespace

int main(int argc, char** argv)
try {
    const Run run = parse(argc, argv);
    const auto start = std::chrono::steady_clock::now();
    const Totals totals = run_all(run);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const sim::Outcome& sum = totals.sum;
    fmt::print("{} seeds from {} in {:.1f} s: {} violations, {} replays equal ({} compared line by "
               "line, the rest by hash)\n",
               run.seeds, run.options.seed, took.count(), totals.violations, totals.replays,
               totals.traces);
    fmt::print("claims {}, hand-overs {} (undone {}), self-fenced {}, went alone {}, commits {}, "
               "seeds with tasks of a frozen daemon beside the new master's {}\n",
               sum.takeovers, sum.handovers, sum.undone, sum.fenced, sum.went_alone, sum.commits,
               sum.frozen_overlaps);
    fmt::print("faults, each kind in every seed:");
    for (std::size_t i = 0; i < sum.faults.size(); ++i)
        fmt::print("{} {} {}", i == 0 ? "" : ",", sim::fault_names[i], sum.faults[i]);
    fmt::print("\n");
    if (run.options.sabotage != Sabotage::none) return totals.harms > 0 ? 0 : 1;
    if (run.options.unsafe) return 0;
    return totals.violations > 0 ? 1 : 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "sim: {}\n", error.what());
    return 2;
}
