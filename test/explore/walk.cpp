#include "walk.hpp"
#include "modes.hpp"
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>

namespace roleswap::explore {
namespace {

constexpr std::string_view head = "walk ";

/// Where it does not settle, what is healed at the end is told too, as far as it comes.
void end_of_walk(const Mode& mode, const World& world, Seen& seen, std::string& out)
{
    std::vector<std::string> trace;
    Seen after;
    after.trace = &trace;
    // The order of what comes next is that of the packed nodes, as in the search.
    if (seen.violation.empty()) seen.violation = settles(mode, unpack(mode, pack(world)), after);
    if (!seen.violation.empty())
        for (const auto& told : trace) out += told + "\n";
    out += seen.violation.empty() ? "settles\n" : "VIOLATION: " + seen.violation + "\n";
}

} // namespace

std::string write_walk(const Mode& mode, const std::vector<Action>& path,
                       const std::string& violation)
{
    std::string text = fmt::format("# {}\n{}{}\n", violation, head, write_mode(mode));
    for (const Action& action : path) text += describe(action) + "\n";
    return text;
}

bool is_walk(const std::string& text)
{
    return text.find("\n" + std::string(head)) != std::string::npos || text.starts_with(head);
}

namespace {

/// One walk under way.
class Walk {
public:
    explicit Walk(Mode mode) : mode_(std::move(mode)), world_(initial(mode_))
    {
        seen_.trace = &trace_;
    }

    /// A step that is not possible is a walk of another world, so nothing that follows means
    /// anything.
    void step(const std::string& line)
    {
        const Action action = parse_action(line);
        if (!is_possible(mode_, world_, action))
            throw std::invalid_argument(fmt::format(
                "\"{}\" is not possible after {} steps, but: {}", line, steps_, choices()));
        steps_++;
        out_ += line + "\n";
        apply(mode_, world_, action, seen_);
        for (const auto& told : trace_) out_ += told + "\n";
        trace_.clear();
    }
    std::string end()
    {
        end_of_walk(mode_, world_, seen_, out_);
        return std::move(out_);
    }

private:
    std::string choices() const
    {
        std::string text;
        for (const Action& action : actions(mode_, world_))
            text += (text.empty() ? "" : ", ") + describe(action);
        return text;
    }

    Mode mode_;
    World world_;
    Seen seen_;
    std::vector<std::string> trace_;
    std::string out_;
    unsigned steps_ = 0;
};

} // namespace

std::string replay_walk(const std::string& text)
{
    std::istringstream lines(text);
    std::string line;
    std::optional<Walk> walk;
    while (std::getline(lines, line)) {
        if (line.empty() || line[0] == '#') continue;
        if (!walk && line.starts_with(head))
            walk.emplace(parse_mode(line.substr(head.size())));
        else if (!walk)
            throw std::invalid_argument("a walk begins with \"walk MODE\"");
        else
            walk->step(line);
    }
    if (!walk) throw std::invalid_argument("a walk begins with \"walk MODE\"");
    return walk->end();
}

} // namespace roleswap::explore
