#include "world.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <string_view>
#include <vector>

/// sim --seeds N [--seed S] [--mode NAME] [--trace] [--sabotage NAME] [--unsafe]
/// Runs N seeds from S on.  Without sabotage every seed must hold all invariants; with it at least
/// one must show two masters, a loss or an epoch out of order (I1 to I5).
namespace {

using namespace roleswap;
using core::Settings;
using Sabotage = Settings::Sabotage;

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

using enum Settings::Sabotage;
constexpr std::array<std::pair<const char*, Sabotage>, 14> planted = {{
    {"no_epoch_check", no_epoch_check},
    {"lead_before_persisted", lead_before_persisted},
    {"lease_ignored", lease_ignored},
    {"promise_before_persisted", promise_before_persisted},
    {"alone_without_consent", alone_without_consent},
    {"undecided_with_work", undecided_with_work},
    {"undecided_with_store", undecided_with_store},
    {"silence_without_probe", silence_without_probe},
    {"old_answers", old_answers},
    {"not_in_sync", not_in_sync},
    {"witness_unheard", witness_unheard},
    {"fence_unheard", fence_unheard},
    {"guard_unarmed", guard_unarmed},
    {"round_forgotten", round_forgotten},
}};

Sabotage sabotage(std::string_view name)
{
    std::string known;
    for (const auto& [text, which] : planted) {
        if (name == text) return which;
        known += (known.empty() ? "" : ", ") + std::string(text);
    }
    throw std::invalid_argument(fmt::format("\"{}\": known are {}", name, known));
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
        else if (word == "--mode")
            run.options.shape = sim::parse_shape(std::string(value)), ++i;
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
    std::array<std::uint64_t, sim::fault_count> faults{};
    std::map<std::string, std::uint64_t> shapes, humans;
    std::vector<std::uint64_t> settled; ///< in thousandths of the takeover delay
};

void add(Totals& totals, const sim::Outcome& one)
{
    sim::Outcome& sum = totals.sum;
    sum.frozen_overlaps += one.frozen_overlaps > 0;
    sum.takeovers += one.takeovers;
    sum.handovers += one.handovers;
    sum.undone += one.undone;
    sum.fenced += one.fenced;
    sum.went_alone += one.went_alone;
    sum.commits += one.commits;
    sum.granted += one.granted;
    sum.refused += one.refused;
    sum.switched_off += one.switched_off;
    sum.guard_fired += one.guard_fired;
    for (std::size_t i = 0; i < sim::fault_count; ++i) totals.faults[i] += one.faults[i];
    totals.shapes[sim::to_string(one.shape)]++;
    if (!one.human.empty())
        totals.humans[one.human]++;
    else if (one.violation.empty())
        totals.settled.push_back(one.settled_permille);
}

/// A world that ran to its end had each kind of fault, else it shows less than it claims.
void check_faults(Totals& totals, std::uint64_t seed, const sim::Outcome& outcome)
{
    for (std::size_t i = 0; i < sim::fault_count && outcome.violation.empty(); ++i) {
        if (outcome.faults[i] > 0 || !sim::is_part_of(sim::Fault(i), outcome.shape)) continue;
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
        add(totals, outcome);
        check_faults(totals, options.seed, outcome);
        fmt::print("{}", outcome.trace);
        if (!outcome.human.empty() && totals.humans[outcome.human] <= 3)
            fmt::print("seed {} ({}) waits for a human: {}\n", options.seed,
                       sim::to_string(outcome.shape), outcome.human);
        if (!outcome.violation.empty()) {
            // A pair that stays apart is a find too, but the plants are to be caught doing harm.
            const bool harm = outcome.violation.find("I6") == std::string::npos;
            if (++totals.violations <= 10 || harm)
                fmt::print("seed {} ({}): {}\n", options.seed, sim::to_string(outcome.shape),
                           outcome.violation);
            totals.harms += harm;
            if (run.options.sabotage != Sabotage::none && harm) break;
        }
        if (i % 100 == 0 && !options.trace) replay(totals, options, outcome);
    }
    return totals;
}

double share(const std::vector<std::uint64_t>& sorted, std::size_t percent)
{
    if (sorted.empty()) return 0;
    return static_cast<double>(sorted[(sorted.size() - 1) * percent / 100]) / 1000;
}

void print_sums(const Totals& totals)
{
    const sim::Outcome& sum = totals.sum;
    fmt::print("claims {}, hand-overs {} (undone {}), self-fenced {}, went alone {}, commits {}, "
               "witness granted {} and refused {}, switched off {}, guard fired {}, seeds with "
               "tasks of a frozen daemon beside the new master's {}\n",
               sum.takeovers, sum.handovers, sum.undone, sum.fenced, sum.went_alone, sum.commits,
               sum.granted, sum.refused, sum.switched_off, sum.guard_fired, sum.frozen_overlaps);
    fmt::print("modes:");
    for (const auto& [name, count] : totals.shapes) fmt::print(" {} {}", name, count);
    fmt::print("\nfaults, each kind in every seed that has the part:");
    for (std::size_t i = 0; i < sim::fault_count; ++i)
        fmt::print("{} {} {}", i == 0 ? "" : ",", sim::fault_names[i], totals.faults[i]);
    fmt::print("\n");
}

void print_settled(Totals& totals)
{
    std::sort(totals.settled.begin(), totals.settled.end());
    fmt::print("settled after the last fault, in takeover delays: {} seeds, p50 {:.2f}, p99 {:.2f},"
               " longest {:.2f}\n",
               totals.settled.size(), share(totals.settled, 50), share(totals.settled, 99),
               share(totals.settled, 100));
    std::uint64_t waiting = 0;
    for (const auto& [why, count] : totals.humans) waiting += count;
    fmt::print("waiting for a human by rule: {}\n", waiting);
    for (const auto& [why, count] : totals.humans) fmt::print("  {} times {}\n", count, why);
}

} // namespace

int main(int argc, char** argv)
try {
    const Run run = parse(argc, argv);
    const auto start = std::chrono::steady_clock::now();
    Totals totals = run_all(run);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print("{} seeds from {} in {:.1f} s: {} violations, {} replays equal ({} compared line by "
               "line, the rest by hash)\n",
               run.seeds, run.options.seed, took.count(), totals.violations, totals.replays,
               totals.traces);
    print_sums(totals);
    print_settled(totals);
    if (run.options.sabotage != Sabotage::none) return totals.harms > 0 ? 0 : 1;
    if (run.options.unsafe) return 0;
    return totals.violations > 0 ? 1 : 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "sim: {}\n", error.what());
    return 2;
}
