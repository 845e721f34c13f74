#include "core/turn.hpp"
#include <algorithm>

/// Mirrored or alone, on the master.
namespace roleswap::core {
namespace {

/// The peer can hold back or confirm commits now.
bool peer_ready(const State& s)
{
    const Message& m = s.peer.last;
    return m.role == Role::standby && m.record.epoch == s.record.epoch &&
           m.record.master == s.settings.self && m.store == StoreState::following && !m.leaving;
}

/// The peer said, after it heard the wish, that it is not in sync for this epoch; it cannot be
/// again before it hears `mirrored` again.
bool peer_gave_up(const State& s)
{
    const Message& m = s.peer.last;
    if (m.echo_boot != s.settings.boot || m.echo_sequence < s.wish_sequence) return false;
    if (m.role != Role::standby && m.role != Role::undecided) return false;
    return m.record.epoch < s.record.epoch ||
           (m.record.epoch == s.record.epoch && m.record.mode == Mode::alone);
}

/// Short replication gaps (a link in use was cut) do not change the mode.
Ticks grace(const State& s)
{
    return std::min<Ticks>(s.settings.takeover_delay, 10000);
}

void store_alone(Turn& t)
{
    State& s = t.s;
    if (!s.mirroring) return;
    s.mirroring = false;
    s.mode_busy = true;
    t.emit(StoreMode{Mode::alone});
}

void watch_peer(State& s)
{
    if (!peer_ready(s)) {
        if (!s.peer.bad) s.peer.bad_since = s.now;
        s.peer.bad = true;
    } else if (s.peer.last.echo_sequence >= s.peer.bad_from) {
        s.peer.bad = false;
    }
}

/// No way back to commits with this peer soon: it left, restarted, or its store broke.
bool peer_is_out(const State& s)
{
    const Message& m = s.peer.last;
    if (m.leaving || m.role == Role::undecided || m.record.epoch < s.record.epoch) return true;
    return m.store != StoreState::following && m.record.mode == Mode::alone;
}

} // namespace

Record next_round(const State& s, Mode mode)
{
    const bool forgotten = sabotaged(s, Settings::Sabotage::round_forgotten);
    return {s.record.epoch, s.settings.self, mode, s.record.round + (forgotten ? 0 : 1)};
}

void wish_alone(Turn& t)
{
    State& s = t.s;
    if (s.wish_alone) return;
    s.wish_alone = true;
    s.wish_sequence = s.sequence + 1;
    s.changed = true;
}

void mode_heard(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::master) return;
    watch_peer(s);
    const bool consent = peer_gave_up(s) || sabotaged(s, Settings::Sabotage::alone_without_consent);
    if (s.wish_alone && !s.pending && s.record.mode == Mode::mirrored && consent) {
        s.peer_may_claim = false;
        t.persist(next_round(s, Mode::alone), After::alone);
        t.notify("mode_alone", "the peer gave up its right to claim: it left, restarted or does "
                               "not mirror");
        return;
    }
    if (s.pending || s.wish_alone || s.mode_busy) return;
    if (s.record.mode == Mode::mirrored && s.peer.bad && peer_is_out(s)) wish_alone(t);
    // Without its guard a master could not keep what it promises to an in-sync peer.
    if (s.settings.guard && !s.guard_ready) return;
    if (s.record.mode == Mode::alone && !s.mirroring && peer_ready(s)) {
        s.mirroring = true;
        s.peer.bad = false;
        t.emit(StoreMode{Mode::mirrored});
    }
}

void mode_elapsed(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::master || s.pending || s.wish_alone) return;
    if (s.unsure && !s.asking && !s.suspended && s.record.mode == Mode::mirrored)
        return wish_alone(t);
    const bool bad = s.peer.bad && s.now - s.peer.bad_since >= grace(s);
    if (s.record.mode == Mode::mirrored && bad) return wish_alone(t);
    // Not promised to anybody yet, so it needs nobody's leave to stop.
    if (s.record.mode == Mode::alone && (bad || s.peer.silence >= grace(s))) store_alone(t);
}

void mode_store(Turn& t, const StoreEvent& event)
{
    State& s = t.s;
    if (s.role != Role::master) return;
    if (event.kind == StoreEvent::Kind::lost_peer) {
        if (!s.peer.bad) s.peer.bad_since = s.now;
        s.peer.bad = true;
        s.peer.bad_from = s.sequence + 1;
    } else if (event.kind == StoreEvent::Kind::alone) {
        s.mode_busy = false;
    } else if (s.mirroring && !s.wish_alone) {
        s.peer.bad = false;
        if (s.record.mode == Mode::alone && !s.pending)
            t.persist(next_round(s, Mode::mirrored), After::mirrored);
    }
}

void mode_mirrored_persisted(Turn& t)
{
    State& s = t.s;
    // The peer cannot hear the promise before now, nor count a silence from before it.
    s.peer_may_claim = true;
    s.lease_from = s.now;
    s.changed = true;
    tell_witness(t);
    t.notify("mode_mirrored", "every commit waits for the peer from here on");
}

void mode_alone_persisted(Turn& t)
{
    State& s = t.s;
    s.wish_alone = false;
    s.unsure = false;
    s.changed = true;
    s.peer.bad = false;
    store_alone(t);
    try_resume(t);
}

} // namespace roleswap::core
