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
    const char* mode;  ///< in which it shows
    const char* kinds; ///< of faults, by number
    std::uint8_t faults = 1;
};

using enum core::Settings::Sabotage;
constexpr std::array planted = {
    Named{"no_epoch_check", no_epoch_check, "pair", "02", 1},
    Named{"lead_before_persisted", lead_before_persisted, "pair", "01", 1},
    Named{"lease_ignored", lease_ignored, "pair-without-guard", "0", 1},
    Named{"promise_before_persisted", promise_before_persisted, "pair", "1", 1},
    Named{"alone_without_consent", alone_without_consent, "serial", "0", 2},
    Named{"undecided_with_work", undecided_with_work, "pair", "4", 1},
    Named{"undecided_with_store", undecided_with_store, "pair", "0", 1},
    Named{"silence_without_probe", silence_without_probe, "pair", "0", 1},
    Named{"old_answers", old_answers, "pair", "13", 2},
    Named{"not_in_sync", not_in_sync, "cold", "0", 1},
    Named{"witness_unheard", witness_unheard, "witness", "0", 1},
    Named{"fence_unheard", fence_unheard, "fence", "0", 1},
    Named{"guard_unarmed", guard_unarmed, "pair", "2", 1},
    Named{"round_forgotten", round_forgotten, "witness", "0", 1},
    Named{"dr_unheard", dr_unheard, "dr-apart", "", 0},
};

//                   cut crash freeze stall store third guard command
constexpr Budget all{3, 3, 3, 3, 3, 3, 3, 3};

} // namespace

namespace {

using Modes = std::vector<Mode>;

void add_pairs(Modes& list)
{
    list.push_back({.name = "pair", .budget = all, .faults = 2});
    list.push_back({.name = "pair-three-faults", .budget = {2, 1, 1, 1, 1, 0, 1, 0}, .faults = 3});
    list.push_back({.name = "pair-without-probes", .probes = false, .budget = all, .faults = 2});
    list.push_back({.name = "pair-without-guard", .guard = false, .budget = all, .faults = 2});
    list.push_back({.name = "witness", .witness = true, .budget = all, .faults = 2});
    list.push_back({.name = "fence", .fence = true, .budget = all, .faults = 2});
    list.push_back(
        {.name = "witness-and-fence", .witness = true, .fence = true, .budget = all, .faults = 2});
    list.push_back({.name = "serial", .serial = true, .budget = all, .faults = 2});
    list.push_back(
        {.name = "witness-serial", .witness = true, .serial = true, .budget = all, .faults = 2});
    list.push_back(
        {.name = "fence-serial", .fence = true, .serial = true, .budget = all, .faults = 2});
}

/// Late answers with a second fault: of everything that may be slow only these.
void add_late(Modes& list)
{
    list.push_back({.name = "pair-late", .budget = all, .faults = 2, .stalls = {Stall::probe}});
    list.push_back({.name = "witness-late",
                    .witness = true,
                    .budget = all,
                    .faults = 2,
                    .stalls = {Stall::witness}});
}

void add_cold(Modes& list)
{
    const Mode cold{.name = "cold",
                    .budget = all,
                    .faults = 1,
                    .commands = {Command::leave, Command::activate_force},
                    .start = Start::cold};
    list.push_back(cold);
    list.push_back(cold);
    list.back().name = "cold-witness";
    list.back().witness = true;
    list.push_back(cold);
    list.back().name = "cold-fence";
    list.back().fence = true;
}

const std::vector<Command> every_command{
    Command::hand_over, Command::activate,      Command::activate_force,  Command::rejoin,
    Command::leave,     Command::hold_takeover, Command::release_takeover};

void add_operated(Modes& list)
{
    list.push_back({.name = "hand-over",
                    .budget = {1, 1, 1, 1, 1, 0, 1, 1},
                    .faults = 3,
                    .commands = {Command::hand_over, Command::leave}});
    const Mode operated{.budget = {1, 1, 1, 1, 1, 1, 1, 2}, .faults = 3, .commands = every_command};
    const auto add = [&](const char* name, auto... parts) {
        list.push_back(operated);
        list.back().name = name;
        ((list.back().*parts = true), ...);
    };
    add("operator");
    add("witness-operator", &Mode::witness);
    add("fence-operator", &Mode::fence);
    add("serial-operator", &Mode::serial);
    add("witness-and-fence-operator", &Mode::witness, &Mode::fence);
}

void add_dr(Modes& list)
{
    const auto add = [&](const char* name, Start start) {
        list.push_back({.name = name,
                        .budget = {2, 2, 2, 1, 1, 0, 1, 3},
                        .faults = 3,
                        .commands = {Command::activate_force, Command::rejoin, Command::hand_over},
                        .dr = true,
                        .start = start});
    };
    add("dr", Start::in_sync);
    add("dr-apart", Start::dr_apart);
    add("dr-leads", Start::dr_leads);
}

} // namespace

std::vector<Mode> modes()
{
    Modes list;
    add_pairs(list);
    add_late(list);
    add_cold(list);
    add_operated(list);
    add_dr(list);
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

void only(Mode& mode, std::string_view kinds, std::uint8_t faults)
{
    mode.faults = faults;
    for (std::size_t kind = 0; kind < fault_kinds; ++kind)
        if (kinds.find(static_cast<char>('0' + kind)) == std::string_view::npos)
            mode.budget[kind] = 0;
}

Job sabotage_job(const std::string& name)
{
    const auto which = find_sabotage(name);
    for (const Named& one : planted) {
        if (which != one.which) continue;
        Job job{find_mode(one.mode), 3'000'000};
        job.mode.sabotage = which;
        only(job.mode, one.kinds, one.faults);
        return job;
    }
    throw std::invalid_argument("no bug is planted by \"none\"");
}

std::string_view name_of(core::Settings::Sabotage which)
{
    for (const Named& one : planted)
        if (which == one.which) return one.name;
    return "none";
}

core::Settings::Sabotage find_sabotage(const std::string& name)
{
    for (const Named& one : planted)
        if (name == one.name) return one.which;
    if (name == "none") return none;
    throw std::invalid_argument(
        fmt::format("there is no planted bug \"{}\": {}", name, fmt::join(sabotages(), ", ")));
}

} // namespace roleswap::explore
