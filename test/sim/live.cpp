#include "world.hpp"
#include <algorithm>
#include <fmt/format.h>

/// After the faults: everything is healed, and the pair has to settle.
namespace roleswap::sim {
namespace {

/// In takeover delays: to settle, and to stay so.
constexpr Micros settle_limit = 5;
constexpr Micros steady = 2;

} // namespace

void World::heal()
{
    healed_ = true;
    well_since_ = settled_at_ = now_;
    cut_ = {};
    update_isolation();
    loss_permille_ = 0;
    for (std::size_t f = 0; f < fault_count; ++f)
        if (had(Fault(f))) broken_[f] = {};
    for (unsigned n = 0; n < 2; ++n) heal_node(n);
}

void World::heal_node(unsigned n)
{
    SimNode& node = nodes_[n];
    node.lan = true;
    node.lead_fails = false;
    node.disk_slow_until = 0;
    node.disk_free_at = std::min(node.disk_free_at, now_ + 10 * ms);
    // What the disk held up is written now; what was to end it later finds nothing to do.
    for (std::size_t i = 0; i < node.writes.size(); ++i)
        later((i + 1) * ms, [this, n, generation = node.generation] { written(n, generation); });
    if (node.frozen) wake(n, node.generation);
    if (!node.alive) return at(std::max(now_, node.gone_at), [this, n] { boot(n); });
    if (!hold_stays_)
        give(n, core::Command{next_command_++, core::Command::Kind::release_takeover, {}});
}

/// Empty where no fault is under way, each kind was there, and both nodes run.
std::string World::what_is_wrong() const
{
    if (rough_) return "messages are lost";
    if (!connected()) return "the links are cut";
    if (!had_all()) return "some kind did not matter yet";
    for (std::size_t f = 0; f < fault_count; ++f)
        if (broken_[f][0] > 0 || broken_[f][1] > 0) return fault_names[f];
    for (const SimNode& node : nodes_)
        if (!node.alive || node.frozen || node.core.leaving) return "a node does not run";
    return {};
}

bool World::had_all() const
{
    for (std::size_t f = 0; f < fault_count; ++f)
        if (needed(Fault(f)) && !had(Fault(f))) return false;
    return true;
}

bool World::look_at_convergence()
{
    if (!all_well()) well_since_ = settled_at_ = now_;
    if (!converged()) settled_at_ = now_;
    const Micros delay = settings_.takeover_delay * ms;
    outcome_.settled_permille = (settled_at_ - well_since_) * 1000 / delay;
    if (settled_at_ - well_since_ <= settle_limit * delay)
        return now_ - settled_at_ > steady * delay;
    outcome_.human = waits_for_human();
    if (outcome_.human.empty())
        violate("I6: not settled within 5 takeover delays: " + how_they_stand());
    return true;
}

/// A sentence of the protocol that names the command to give, with the node's last row.
std::string World::waits_for_human() const
{
    std::string text;
    for (const SimNode& node : nodes_) {
        const std::string why = core::why_waiting(node.core);
        if (why.find("`roleswap ") == std::string::npos) continue;
        const std::uint8_t row = node.core.last_rule;
        text +=
            fmt::format("{}{} ({}): {}", text.empty() ? "" : "; ", core::to_string(node.core.role),
                        row == core::State::no_rule
                            ? "since its start"
                            : fmt::format("{} {}", core::to_string(core::rules[row].from),
                                          core::to_string(core::rules[row].event)),
                        why);
    }
    return text;
}

std::string World::how_they_stand() const
{
    std::string text;
    for (unsigned n = 0; n < 2; ++n) {
        const core::State& core = nodes_[n].core;
        text += fmt::format("{}{} is {} ({})", n == 0 ? "" : ", ", n == 0 ? "first" : "second",
                            core::to_string(core.role), core::why_waiting(core));
    }
    return text;
}

} // namespace roleswap::sim
