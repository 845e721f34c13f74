#include "inside.hpp"
#include <algorithm>
#include <fmt/format.h>

/// Where a world starts, and whether it comes to rest.
namespace roleswap::explore {
namespace {

constexpr unsigned ticks_limit = 150;
constexpr unsigned events_limit = 400; ///< within one instant

bool converged(const World& w)
{
    for (unsigned n = 0; n < 2; ++n) {
        const core::State& a = w.side[n].core;
        const core::State& b = w.side[1 - n].core;
        if (a.role == core::Role::master && a.record.mode == core::Mode::mirrored &&
            b.role == core::Role::standby && b.in_sync && !a.wish_alone && !a.suspended)
            return w.side[n].alive && w.side[1 - n].alive;
    }
    return false;
}

bool knows_dr(const World& w)
{
    return w.side[0].disk.master == core::Node::dr || w.side[1].disk.master == core::Node::dr;
}

/// Both know that the dr node leads, and wait for their operator.
bool waits_for_dr(const World& w)
{
    return std::all_of(w.side.begin(), w.side.end(), [](const Side& side) {
        const bool idle =
            side.core.role == core::Role::undecided || side.core.role == core::Role::standby;
        return side.alive && side.core.record.master == core::Node::dr && idle;
    });
}

void heal_all(const Mode& mode, World& w, Seen& seen)
{
    using enum Action::Kind;
    w.stall = Stall::none;
    apply(mode, w, {heal}, seen);
    for (std::uint8_t n = 0; n < 2; ++n) {
        if (w.side[n].frozen) apply(mode, w, {wake, n}, seen);
        w.side[n].zombie.reset();
        w.side[n].core.hold = false;
    }
    apply(mode, w, {witness_back}, seen);
}

void instant(const Mode& mode, World& w, Seen& seen)
{
    using enum Action::Kind;
    for (std::uint8_t n = 0; n < 2; ++n) {
        if (!w.side[n].alive) apply(mode, w, {boot, n}, seen);
        if (w.side[n].due.fence != 0) apply(mode, w, {fence, n}, seen);
    }
    for (unsigned i = 0; i < events_limit; ++i) {
        const auto due = urgent(mode, w);
        if (due.empty()) return;
        apply(mode, w, due[i % due.size()], seen);
    }
    if (seen.violation.empty()) seen.violation = "within one instant things never come to an end";
}

} // namespace

World blank(const Mode& mode)
{
    World w;
    for (unsigned n = 0; n < 2; ++n) {
        core::Settings& s = w.side[n].core.settings;
        s.self = n == 0 ? core::Node::first : core::Node::second;
        s.boot = 0;
        s.heartbeat = step_ms;
        s.takeover_delay = delay_ms;
        s.probes_configured = mode.probes;
        s.witness = mode.witness;
        s.fence = mode.fence;
        s.guard = mode.guard;
        s.fence_delay = mode.fence ? 300 : 0;
        s.sabotage = mode.sabotage;
    }
    w.side[0].disk = {1, core::Node::first, core::Mode::alone};
    w.side[0].store.has_all = true;
    w.verdict = {1, 0, core::Node::first};
    w.budget = mode.budget;
    w.faults = mode.faults;
    return w;
}

World initial(const Mode& mode)
{
    World w = blank(mode);
    Seen seen;
    for (unsigned i = 0; i < ticks_limit && !mode.cold; ++i) {
        instant(mode, w, seen);
        if (converged(w)) return w;
        apply(mode, w, {Action::Kind::tick}, seen);
    }
    return w;
}

std::string settles(const Mode& mode, World w, Seen& seen)
{
    heal_all(mode, w, seen);
    for (unsigned i = 0; i < ticks_limit; ++i) {
        instant(mode, w, seen);
        if (!seen.violation.empty()) return seen.violation;
        if (knows_dr(w) ? waits_for_dr(w) : converged(w)) return {};
        apply(mode, w, {Action::Kind::tick}, seen);
    }
    if (w.forced) return {};
    return fmt::format("I6: no convergence: first is {} ({}), second is {} ({})",
                       core::to_string(w.side[0].core.role), core::why_waiting(w.side[0].core),
                       core::to_string(w.side[1].core.role), core::why_waiting(w.side[1].core));
}

} // namespace roleswap::explore
