#include "inside.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <stdexcept>

/// Actions as lines of a scenario, there and back.
namespace roleswap::explore {
namespace {

constexpr std::array names = {
    "tick",         "hear",        "persisted",  "killed",     "store_op",     "store_mode",
    "store_freeze", "store_event", "probe",      "witness",    "told",         "land",
    "fence",        "guard",       "fire",       "exit",       "boot",         "wake",
    "crash",        "freeze",      "cut",        "heal",       "serial",       "lan",
    "stall",        "unstall",     "store_dies", "guard_dies", "witness_dies", "witness_wiped",
    "witness_back", "command"};
static_assert(names.size() == std::size_t(Action::Kind::command) + 1);

constexpr std::array sight_names = {
    "takeover",         "takeover_by_name", "hand_over",
    "hand_over_undone", "self_fence",       "went_alone",
    "gave_up_sync",     "guard_fired",      "frozen_while_peer_leads",
    "witness_granted",  "witness_refused",  "witness_unsure",
    "fenced",           "forced",           "in_sync"};
static_assert(sight_names.size() == sights);

} // namespace

std::string_view to_string(Sight sight)
{
    return sight_names[std::size_t(sight)];
}

std::string describe(const Action& action)
{
    return fmt::format("{} {} {}", names[std::size_t(action.kind)], node_names.at(action.n),
                       action.arg);
}

Action parse_action(const std::string& text)
{
    const auto space = text.find(' ');
    const auto second = space == std::string::npos ? space : text.find(' ', space + 1);
    if (second == std::string::npos)
        throw std::invalid_argument(fmt::format("\"{}\": WHAT NODE NUMBER expected", text));
    const std::string what = text.substr(0, space);
    const std::string node = text.substr(space + 1, second - space - 1);
    const auto n = std::find(node_names.begin(), node_names.end(), node) - node_names.begin();
    if (std::size_t(n) == node_names.size())
        throw std::invalid_argument(fmt::format("\"{}\" is no node", node));
    for (std::size_t i = 0; i < names.size(); ++i)
        if (what == names[i])
            return {Action::Kind(i), static_cast<std::uint8_t>(n),
                    static_cast<std::uint8_t>(std::stoul(text.substr(second + 1)))};
    throw std::invalid_argument(fmt::format("\"{}\" is no action", what));
}

} // namespace roleswap::explore
