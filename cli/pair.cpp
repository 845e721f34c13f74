#include "base/time_text.hpp"
#include "field.hpp"
#include "render.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

std::vector<std::string> nodes_of_role(const json& status, std::string_view role)
{
    std::vector<std::string> names;
    for (const json& node : list(status, "nodes"))
        if (role.empty() || (flag(node, "reachable") && text(node, "role") == role))
            names.push_back(text(node, "name"));
    return names;
}

std::string copy_text(const json& node)
{
    const json& copy = member(member(node, "store"), "copy");
    const json& done = member(copy, "done");
    if (!done.is_number()) return {};
    const auto total = static_cast<std::uint64_t>(number(copy, "bytes_total"));
    return fmt::format("copying {:.0f} % of {}", 100 * done.get<double>(),
                       base::human_bytes(total));
}

std::string pending_text(const json& bytes, std::int64_t requests)
{
    const std::string amount = bytes.is_number_unsigned()
                                   ? base::human_bytes(bytes.get<std::uint64_t>())
                                   : "an unknown number of bytes";
    return fmt::format("{} and {} requests pending", amount, requests);
}

namespace {

std::string state_of(const json& node)
{
    const std::string name = text(node, "name");
    if (!flag(node, "reachable")) return name + " does not answer";
    return name + " is " + text(node, "role", "of no role");
}

/// Why the node is no standby in sync; empty when it is one.
std::string missing_of(const json& node)
{
    const std::string name = text(node, "name");
    if (const std::string state = state_of(node); state != name + " is standby") return state;
    return flag(node, "in_sync") ? "" : name + " is not in sync yet";
}

bool dr_leads(const json& status)
{
    return std::ranges::any_of(list(status, "nodes"), [](const json& node) {
        return flag(node, "dr") && flag(node, "reachable") && text(node, "role") == "master";
    });
}

/// An activated dr node is mirrored by whoever was told to; nobody is in sync with it.
PairState dr_is_mirrored(const json& status)
{
    for (const json& node : list(status, "nodes"))
        if (flag(node, "reachable") && text(node, "role") == "standby" &&
            text(member(node, "store"), "state") == "following")
            return {true, ""};
    return {false, "nobody mirrors the dr node yet"};
}

} // namespace

std::string why_no_node_is(const json& status, std::string_view role)
{
    std::string states;
    std::string remedy = "See roleswap status.";
    for (const json& node : list(status, "nodes")) {
        const std::string why = text(node, "role") == "undecided" ? text(node, "why") : "";
        states += (states.empty() ? "" : ", ") + state_of(node) +
                  (why.empty() || !flag(node, "reachable") ? "" : " (" + why + ")");
        if (!flag(node, "reachable"))
            remedy = "Start roleswapd on " + text(node, "name") + ", or see roleswap links.";
    }
    return printable(fmt::format("No node is {} now: {}.  {}", role, states, remedy));
}

PairState pair_state(const json& status, const std::string& master, Sync sync)
{
    const auto masters = nodes_of_role(status, "master");
    if (masters.size() != 1)
        return {false, fmt::format("there are {} masters instead of one", masters.size())};
    if (!master.empty() && masters.front() != master)
        return {false, fmt::format("{} is master, not {}", masters.front(), master)};
    if (sync == Sync::any) return {true, ""};
    if (dr_leads(status)) return dr_is_mirrored(status);
    for (const json& node : list(status, "nodes")) {
        if (text(node, "name") == masters.front() || flag(node, "dr")) continue;
        const std::string missing = missing_of(node);
        const std::string copy = copy_bar(node);
        if (!missing.empty())
            return {false, missing + (copy.empty() ? "" : ": " + copy),
                    text(member(node, "store"), "refused")};
    }
    return {true, ""};
}

} // namespace roleswap::cli
