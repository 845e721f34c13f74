#include "modes.hpp"
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdexcept>

namespace roleswap::explore {
namespace {

using Command = core::Command::Kind;

struct Named {
    const char* name;
    core::Settings::Sabotage which;
};

using enum core::Settings::Sabotage;
constexpr std::array planted = {
    Named{"no_epoch_check", no_epoch_check},
    Named{"lead_before_persisted", lead_before_persisted},
    Named{"lease_ignored", lease_ignored},
    Named{"promise_before_persisted", promise_before_persisted},
    Named{"alone_without_consent", alone_without_consent},
    Named{"undecided_with_work", undecided_with_work},
    Named{"undecided_with_store", undecided_with_store},
    Named{"silence_without_probe", silence_without_probe},
    Named{"old_answers", old_answers},
    Named{"not_in_sync", not_in_sync},
    Named{"witness_unheard", witness_unheard},
    Named{"fence_unheard", fence_unheard},
    Named{"guard_unarmed", guard_unarmed},
    Named{"round_forgotten", round_forgotten},
};

///                  cut crash freeze stall store third guard command
constexpr Budget all{3, 3, 3, 3, 3, 3, 3, 3};

} // namespace

std::vector<Mode> modes()
{
    std::vector<Mode> list;
    const auto add = [&list](Mode mode) { list.push_back(std::move(mode)); };
    add({.name = "pair", .budget = all, .faults = 2});
    add({.name = "cold", .budget = all, .faults = 1, .cold = true});
    add({.name = "pair-three-faults", .budget = {2, 1, 1, 1, 1, 0, 1, 0}, .faults = 3});
    add({.name = "pair-without-probes", .probes = false, .budget = all, .faults = 2});
    add({.name = "pair-without-guard", .guard = false, .budget = all, .faults = 2});
    add({.name = "witness", .witness = true, .budget = all, .faults = 2});
    add({.name = "fence", .fence = true, .budget = all, .faults = 2});
    add({.name = "witness-and-fence", .witness = true, .fence = true, .budget = all, .faults = 2});
    add({.name = "serial", .serial = true, .budget = all, .faults = 2});
    add({.name = "witness-serial", .witness = true, .serial = true, .budget = all, .faults = 2});
    add({.name = "hand-over",
         .budget = {1, 1, 1, 1, 1, 0, 1, 1},
         .faults = 3,
         .commands = {Command::hand_over, Command::leave}});
    add({.name = "operator",
         .budget = {1, 1, 1, 0, 1, 0, 0, 2},
         .faults = 3,
         .commands = {Command::hand_over, Command::activate, Command::activate_force,
                      Command::rejoin, Command::leave, Command::hold_takeover,
                      Command::release_takeover}});
    add({.name = "witness-operator",
         .witness = true,
         .budget = {1, 1, 1, 0, 1, 1, 0, 1},
         .faults = 3,
         .commands = {Command::hand_over, Command::activate, Command::leave,
                      Command::hold_takeover}});
    return list;
}

Mode find_mode(const std::string& name)
{
    std::vector<std::string> names;
    for (Mode& mode : modes()) {
        if (mode.name == name) return mode;
        names.push_back(mode.name);
    }
    throw std::invalid_argument(
        fmt::format("there is no mode \"{}\": {}", name, fmt::join(names, ", ")));
}

std::vector<std::string> sabotages()
{
    std::vector<std::string> names;
    for (const Named& one : planted) names.emplace_back(one.name);
    return names;
}

core::Settings::Sabotage find_sabotage(const std::string& name)
{
    for (const Named& one : planted)
        if (name == one.name) return one.which;
    throw std::invalid_argument(
        fmt::format("there is no planted bug \"{}\": {}", name, fmt::join(sabotages(), ", ")));
}

} // namespace roleswap::explore
