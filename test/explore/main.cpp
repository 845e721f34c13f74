#include "modes.hpp"
#include "search.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <iostream>
#include <stdexcept>

/// explore [--mode NAME] [--seconds N] [--states N] [--faults N] [--sabotage NAME]
///         [--out FILE] [--replay FILE]
namespace {

using namespace roleswap;
using namespace roleswap::explore;

struct Call {
    std::vector<Mode> modes = explore::modes();
    Bounds bounds;
    std::string out = "explore.script";
    std::string replay;
    int faults = -1;
    bool sabotaged = false;
    std::uint64_t same = 0;
};

Call parse(int argc, char** argv)
{
    Call call;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (i + 1 == argc) throw std::invalid_argument(word + " needs a value");
        const std::string value = argv[++i];
        if (word == "--mode")
            call.modes = {find_mode(value)};
        else if (word == "--seconds")
            call.bounds.seconds = std::stod(value);
        else if (word == "--states")
            call.bounds.states = std::stoull(value);
        else if (word == "--faults")
            call.faults = std::stoi(value);
        else if (word == "--same")
            call.same = std::stoull(value);
        else if (word == "--kind") {
            for (Mode& mode : call.modes)
                for (std::size_t k = 0; k < fault_kinds; ++k)
                    if (value.find(static_cast<char>('0' + k)) == std::string::npos)
                        mode.budget[k] = 0;
        } else if (word == "--sabotage") {
            call.sabotaged = true;
            for (Mode& mode : call.modes) mode.sabotage = find_sabotage(value);
        } else if (word == "--out")
            call.out = value;
        else if (word == "--replay")
            call.replay = value;
        else
            throw std::invalid_argument("unknown argument " + word);
    }
    for (Mode& mode : call.modes)
        if (call.faults >= 0) mode.faults = static_cast<std::uint8_t>(call.faults);
    return call;
}

void print(const Mode& mode, const Report& r)
{
    fmt::print("{:<20} {:>10} states {:>11} edges depth {:>3} {:>7.1f} s {} settled {}\n",
               mode.name, r.states, r.edges, r.depth, r.seconds, r.closed ? "closed" : "bounded",
               r.settled);
    std::string unseen;
    for (std::size_t i = 0; i < sights; ++i)
        if (!(r.seen.sights >> i & 1)) unseen += " " + std::string(to_string(Sight(i)));
    fmt::print("  rules used {} of {}; not seen:{}\n", __builtin_popcount(r.seen.rules),
               std::size(core::rules), unseen);
    std::cout.flush();
}

/// The actions of a script, with all that they lead to.
void replay(const Mode& mode, const std::vector<Action>& path, std::ostream& out)
{
    World world = initial(mode);
    std::vector<std::string> trace;
    Seen seen;
    seen.trace = &trace;
    for (const Action& action : path) {
        out << describe(mode, action) << "\n";
        bool turned = false;
        World packed = unpack(mode, pack(world, &turned));
        Seen other;
        std::vector<std::string> trace2;
        other.trace = &trace2;
        apply(mode, world, action, seen);
        apply(mode, packed, turned ? swapped(action) : action, other);
        if (pack(world) != pack(packed) || seen.violation != other.violation) {
            out << "#!! differs: " << other.violation << "\n";
            for (const auto& line : trace2) out << "#!!" << line << "\n";
            out << fmt::format("{}\n{}\n", fmt::join(pack(world), " "),
                               fmt::join(pack(packed), " "));
        }
        for (const auto& line : trace) out << "#" << line << "\n";
        trace.clear();
    }
    if (seen.violation.empty()) {
        Seen after;
        after.trace = &trace;
        // As the search did it: the order of what comes next is that of the packed nodes.
        seen.violation = settles(mode, unpack(mode, pack(world)), after);
        for (const auto& line : trace) out << "#~" << line << "\n";
    }
    out << "# " << seen.violation << "\n";
}

} // namespace

int main(int argc, char** argv)
try {
    Call call = parse(argc, argv);
    bool found = false;
    for (std::uint64_t seed = 1; seed <= call.same; ++seed)
        for (const Mode& mode : call.modes)
            if (const auto differs = same(mode, seed, 400); !differs.empty()) {
                std::ofstream(call.out) << "mode " << mode.name << "\n" << differs;
                fmt::print("{}: {}", mode.name, differs.substr(0, 150));
                return 1;
            }
    if (call.same > 0) return 0;
    for (const Mode& mode : call.modes) {
        const Report report = search(mode, call.bounds);
        print(mode, report);
        if (report.seen.violation.empty()) continue;
        found = true;
        fmt::print("  VIOLATION after {} steps: {}\n  see {}\n", report.path.size(),
                   report.seen.violation, call.out);
        std::ofstream out(call.out);
        replay(mode, report.path, out);
        break;
    }
    return found != call.sabotaged;
} catch (const std::exception& error) {
    std::cerr << "explore: " << error.what() << "\n";
    return 2;
}
