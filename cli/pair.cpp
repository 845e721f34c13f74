#include "field.hpp"
#include "render.hpp"
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

PairState pair_state(const json& status, const std::string& master, Sync sync)
{
    const auto masters = nodes_of_role(status, "master");
    if (masters.size() != 1)
        return {false, fmt::format("there are {} masters instead of one", masters.size())};
    if (!master.empty() && masters.front() != master)
        return {false, fmt::format("{} is master, not {}", masters.front(), master)};
    if (sync == Sync::any) return {true, ""};
    for (const json& node : list(status, "nodes")) {
        const std::string name = text(node, "name");
        if (name == masters.front()) continue;
        if (!flag(node, "reachable")) return {false, name + " does not answer"};
        if (text(node, "role") != "standby")
            return {false, name + " is " + text(node, "role", "of no role")};
        if (!flag(node, "in_sync")) return {false, name + " is not in sync yet"};
    }
    return {true, ""};
}

} // namespace roleswap::cli
