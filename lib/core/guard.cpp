#include "core/turn.hpp"

/// The guard holds the deadline of a master whose peer may claim: also a daemon that does not run
/// any more then has nothing alive.
namespace roleswap::core {
namespace {

/// Does the peer claim by time, with nothing but this node's silence to go by?
bool claims_by_time(const State& s)
{
    return s.settings.witness || (s.settings.probes_configured && !s.settings.fence);
}

} // namespace

void guard_event(Turn& t, const GuardEvent& event)
{
    State& s = t.s;
    using Kind = GuardEvent::Kind;
    s.guard_ready = event.kind == Kind::ready;
    s.changed = true;
    if (event.kind == Kind::ready) {
        // A new guard knows no deadline yet; what was promised holds also while this node gives up.
        if (s.guard_until != ExtendGuard::never) t.emit(ExtendGuard{s.guard_until});
        return;
    }
    // One that fired watches again when it is told so, whatever it was told before.
    if (event.kind == Kind::fired) s.guard_until = 0;
    const bool acts = s.role == Role::master || s.role == Role::releasing;
    if (!acts || (event.kind == Kind::lost && s.record.mode == Mode::alone)) return;
    demote(t, Event::guard_failed, "self_fence",
           event.kind == Kind::fired ? "the guard ended all work: this daemon did not run in time"
                                     : "the guard is gone, and no deadline holds without it");
}

void update_guard(Turn& t)
{
    State& s = t.s;
    if (!s.settings.guard || sabotaged(s, Settings::Sabotage::guard_unarmed)) return;
    // What was promised holds until nothing of this node is alive.
    if (s.role == Role::demoting) return;
    const bool acts = s.role == Role::master || s.role == Role::releasing;
    const bool armed = acts && s.peer_may_claim && claims_by_time(s);
    const Ticks until = armed ? s.lease_from + percent(s, guard_percent) : ExtendGuard::never;
    if (until == s.guard_until) return;
    s.guard_until = until;
    t.emit(ExtendGuard{until});
}

} // namespace roleswap::core
