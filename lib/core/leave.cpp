#include "core/turn.hpp"

/// Clean stop of the daemon: offer the role, say so, stop the store, then answer.
namespace roleswap::core {
namespace {

void leave_standby(Turn& t)
{
    State& s = t.s;
    const bool durable = s.record.mode == Mode::alone && !s.pending;
    const bool told = s.now - s.owed_leave->since >= 3 * s.settings.heartbeat || !peer_heard(s);
    if (!durable || !told) return;
    t.move(Event::left);
    t.emit(StoreStop{});
    s.store_stopped = false;
    s.tasks_dead = true;
    s.store = StoreState::down;
    s.store_hot = false;
}

/// The peer had time to hear that it may claim, and an in-sync or named one to do so.
bool told_all(const State& s)
{
    if (!peer_heard(s) || s.peer.last.role == Role::master) return true;
    const bool heir = s.record.master == peer_of(s) || s.record.mode == Mode::mirrored;
    return s.now - s.role_since >= (heir ? s.settings.takeover_delay : 3 * s.settings.heartbeat);
}

} // namespace

void leave(Turn& t)
{
    State& s = t.s;
    s.leaving = true;
    s.changed = true;
    switch (s.role) {
    case Role::master:
        if (handover_obstacle(s).empty()) return handover_start(t);
        return demote(t, Event::left, "demotion",
                      "clean stop without hand-over: " + handover_obstacle(s));
    case Role::claiming:
        return demote(t, Event::left, "demotion", "clean stop while claiming");
    case Role::standby:
        return give_up_sync(t);
    case Role::undecided:
    case Role::releasing:
    case Role::demoting:
        return;
    }
}

void leave_elapsed(Turn& t)
{
    State& s = t.s;
    if (!s.owed_leave) return;
    if (s.role == Role::master)
        return demote(t, Event::left, "demotion", "clean stop after the hand-over was undone");
    if (s.role == Role::standby) return leave_standby(t);
    if (s.role != Role::undecided || s.pending || !told_all(s)) return;
    t.reply(s.owed_leave, Reply::Kind::done, "the store and all tasks are stopped");
}

} // namespace roleswap::core
