#include "base/ensure.hpp"
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

bool is_of_dr(const core::Record& record)
{
    return record.epoch > 0 && record.master == core::Node::dr;
}

bool dr_leads(const World& w)
{
    const Side& dr = w.dr->side;
    return dr.alive && !dr.frozen && dr.core.role == core::Role::master;
}

/// Both know that the dr node leads, and wait for their operator or mirror it.
bool waits_for_dr(const World& w)
{
    return dr_leads(w) && std::all_of(w.side.begin(), w.side.end(), [&w](const Side& side) {
               const bool idle =
                   side.core.role == core::Role::undecided || side.core.role == core::Role::standby;
               return side.alive && !side.frozen && side.core.record.master == core::Node::dr &&
                      side.core.record.epoch == w.dr->side.core.record.epoch && idle;
           });
}

/// It mirrors the master of the pair; or it led before, and what only it holds is for its operator
/// to give up.
bool dr_rests(const World& w)
{
    const core::State& dr = w.dr->side.core;
    const bool waits = dr.role == core::Role::undecided && dr.record.epoch > 0 &&
                       dr.record.master != core::Node::dr && dr.record.round == 0;
    return waits || (dr.role == core::Role::standby && w.dr->side.store.streaming);
}

bool knows_dr(const World& w)
{
    return is_of_dr(w.side[0].disk) || is_of_dr(w.side[1].disk) || is_of_dr(w.dr->side.disk);
}

/// What a healed world must come to.
bool is_at_rest(const World& w)
{
    if (!w.dr) return converged(w);
    return knows_dr(w) ? waits_for_dr(w) : converged(w) && dr_rests(w);
}

void heal_all(const Mode& mode, World& w, Seen& seen)
{
    using enum Action::Kind;
    w.stall = Stall::none;
    apply(mode, w, {heal}, seen);
    for (std::uint8_t n = 0; n < w.nodes(); ++n) {
        if (w.at(n).frozen) apply(mode, w, {wake, n}, seen);
        w.at(n).zombie.reset();
        w.at(n).core.hold = false;
    }
    apply(mode, w, {witness_back}, seen);
}

void instant(const Mode& mode, World& w, Seen& seen)
{
    using enum Action::Kind;
    for (std::uint8_t n = 0; n < w.nodes(); ++n) {
        if (!w.at(n).alive) apply(mode, w, {boot, n}, seen);
        if (w.at(n).due.fence != 0) apply(mode, w, {fence, n}, seen);
    }
    for (unsigned i = 0; i < events_limit; ++i) {
        const auto due = urgent(mode, w);
        if (due.empty()) return;
        apply(mode, w, due[i % due.size()], seen);
    }
    if (seen.violation.empty()) seen.violation = "within one instant things never come to an end";
}

/// Time goes on, in a fixed order, until `there`; false where that never comes.
template <class There> bool go_on(const Mode& mode, World& w, Seen& seen, const There& there)
{
    for (unsigned i = 0; i < ticks_limit; ++i) {
        instant(mode, w, seen);
        if (!seen.violation.empty()) return false;
        if (there(w)) return true;
        apply(mode, w, {Action::Kind::tick}, seen);
    }
    return false;
}

void arrive(const Mode& mode, World& w, Seen& seen, bool (*there)(const World&))
{
    const bool came = go_on(mode, w, seen, there);
    base::ensure(came && seen.violation.empty(), "every search starts from a world that works");
}

/// The dr node is cut off, hears nothing for as long as it has patience, and is ordered to lead.
/// The dr node is cut off, hears nothing for as long as it has patience, and is ordered to lead.
void part(Mode mode, World& w, Seen& seen)
{
    using enum Action::Kind;
    mode.commands = {core::Command::Kind::activate_force};
    w.budget.fill(1);
    w.faults = 2;
    apply(mode, w, {cut, dr_node}, seen);
    for (core::Ticks passed = 0; passed < dr_cap; passed += step_ms) {
        apply(mode, w, {tick}, seen);
        instant(mode, w, seen);
    }
    apply(mode, w, {command, dr_node}, seen);
    arrive(mode, w, seen, dr_leads);
}

} // namespace

bool is_calm(const World& w)
{
    const bool awake = !w.side[0].frozen && !w.side[1].frozen;
    if (!w.dr) return awake && converged(w);
    const Side& dr = w.dr->side;
    const bool idle = dr.core.role == core::Role::undecided || dr.core.role == core::Role::standby;
    const bool quiet = dr.alive && idle && dr.store.state != Store::State::primary && !dr.tasks;
    return waits_for_dr(w) || (awake && quiet && !knows_dr(w) && converged(w));
}

World blank(const Mode& mode)
{
    World w;
    if (mode.dr) w.dr.emplace();
    for (unsigned n = 0; n < w.nodes(); ++n) {
        core::Settings& s = w.at(n).core.settings;
        s.self = n == dr_node ? core::Node::dr : n == 0 ? core::Node::first : core::Node::second;
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
    Seen ignored;
    return initial(mode, ignored);
}

World initial(const Mode& mode, Seen& seen)
{
    if (mode.start == Start::cold) return blank(mode);
    // A planted bug shows in the search, not on the way to where it starts.
    Mode sound = mode;
    sound.sabotage = core::Settings::Sabotage::none;
    World w = blank(sound);
    arrive(sound, w, seen, is_at_rest);
    if (mode.start != Start::in_sync) part(sound, w, seen);
    if (mode.start == Start::dr_leads) {
        apply(sound, w, {Action::Kind::heal}, seen);
        arrive(sound, w, seen, is_calm);
    }
    for (unsigned n = 0; n < w.nodes(); ++n) w.at(n).core.settings.sabotage = mode.sabotage;
    w.budget = mode.budget;
    w.faults = mode.faults;
    return w;
}

namespace {

std::string comes_to_rest(const Mode& mode, World w, Seen& seen)
{
    if (go_on(mode, w, seen, is_at_rest)) return {};
    if (!seen.violation.empty()) return seen.violation;
    std::string text =
        fmt::format("I6: no convergence: first is {} ({}), second is {} ({})",
                    core::to_string(w.side[0].core.role), core::why_waiting(w.side[0].core),
                    core::to_string(w.side[1].core.role), core::why_waiting(w.side[1].core));
    if (w.dr)
        text += fmt::format(", dr is {} ({})", core::to_string(w.dr->side.core.role),
                            core::why_waiting(w.dr->side.core));
    return text;
}

} // namespace

/// A put that is on its way may still come in afterwards, or never.
std::string settles(const Mode& mode, const World& w, Seen& seen)
{
    World healed = w;
    heal_all(mode, healed, seen);
    for (std::uint8_t n = 0; n < 2; ++n) {
        if (!w.side[n].zombie || w.wiped) continue;
        World late = healed;
        late.side[n].zombie = w.side[n].zombie;
        apply(mode, late, {Action::Kind::land, n}, seen);
        if (const auto what = comes_to_rest(mode, late, seen); !what.empty())
            return what + "; a put landed after the heal";
    }
    return comes_to_rest(mode, healed, seen);
}

} // namespace roleswap::explore
