#include "walk.hpp"
#include "modes.hpp"
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>

namespace roleswap::explore {
namespace {

constexpr std::string_view head = "walk ";

/// What is healed at the end is told too, as far as it comes.
void end_of_walk(const Mode& mode, const World& world, Seen& seen, std::string& out)
{
    std::vector<std::string> trace;
    Seen after;
    after.trace = &trace;
    // The order of what comes next is that of the packed nodes, as in the search.
    if (seen.violation.empty()) seen.violation = settles(mode, unpack(mode, pack(world)), after);
    out += seen.violation.empty() ? "settles\n" : "VIOLATION: " + seen.violation + "\n";
}

} // namespace

std::string write_walk(const Mode& mode, const std::vector<Action>& path,
                       const std::string& violation)
{
    std::string text = fmt::format("# {}\n{}{}\n", violation, head, mode.name);
    for (const Action& action : path) text += describe(action) + "\n";
    return text;
}

bool is_walk(const std::string& text)
{
    return text.find("\n" + std::string(head)) != std::string::npos || text.starts_with(head);
}

std::string replay_walk(const std::string& text)
{
    std::istringstream lines(text);
    std::string line, out;
    std::optional<Mode> mode;
    World world;
    Seen seen;
    std::vector<std::string> trace;
    seen.trace = &trace;
    while (std::getline(lines, line)) {
        if (line.empty() || line[0] == '#') continue;
        if (line.starts_with(head)) {
            mode = find_mode(line.substr(head.size()));
            world = initial(*mode);
            continue;
        }
        if (!mode) throw std::invalid_argument("a walk begins with \"walk MODE\"");
        const Action action = parse_action(line);
        if (!is_possible(*mode, world, action)) {
            out += line + ": not possible now\n";
            continue;
        }
        out += line + "\n";
        apply(*mode, world, action, seen);
        for (const auto& told : trace) out += told + "\n";
        trace.clear();
    }
    if (mode) end_of_walk(*mode, world, seen, out);
    return out;
}

} // namespace roleswap::explore
