#include "core/turn.hpp"
#include <algorithm>

/// Planned swap.  Until the record that names the peer goes to the disk everything can be undone;
/// from then on everything converges to the peer as master.
namespace roleswap::core {
namespace {

std::string peer_obstacle(const State& s)
{
    const Message& m = s.peer.last;
    if (!answers(s) || m.role != Role::standby) return "the peer is not heard as standby";
    if (m.leaving) return "the peer is leaving";
    if (m.hold) return "takeover is on hold on the peer; `roleswap takeover release` there ends it";
    if (m.record != s.record) return "the peer has not recorded that it is in sync";
    if (m.store != StoreState::following) return "the store of the peer does not stream";
    if (s.now - s.lease_from >= percent(s, undo_percent)) return "the peer does not answer in time";
    return {};
}

} // namespace

bool past_return(const State& s)
{
    return s.pending && s.pending->after == After::handed_over;
}

std::string handover_obstacle(const State& s)
{
    if (s.role != Role::master) return fmt::format("this node is {}", to_string(s.role));
    if (s.record.mode != Mode::mirrored || s.wish_alone || s.pending)
        return "the peer is not in sync yet; see status";
    if (s.unsure || s.asking) return "a question to the witness or the fence is open";
    if (s.suspended) return "the work is suspended, the peer does not answer in time";
    return peer_obstacle(s);
}

void handover_start(Turn& t)
{
    State& s = t.s;
    t.move(Event::hand_over_started);
    s.frozen = false;
    s.suspended = true;
    s.work_killed = true;
    s.tasks_dead = false;
    t.emit(WorkSuspend{});
    t.emit(WorkKill{});
    t.emit(StoreFreeze{});
    t.notify("handover_started", fmt::format("planned swap out of epoch {}", s.record.epoch));
}

void handover_undo(Turn& t, const std::string& why)
{
    State& s = t.s;
    s.thawing = true;
    s.frozen = false;
    s.store = StoreState::primary;
    t.emit(StoreThaw{});
    t.move(Event::hand_over_undone);
    t.notify("handover_undone", why);
    t.reply(s.owed, Reply::Kind::refused, "hand-over undone: " + why);
}

void handover_elapsed(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::releasing || past_return(s)) return;
    if (s.now - s.lease_from >= percent(s, undo_percent))
        return handover_undo(
            t, fmt::format("the peer has not answered for {} ms", s.now - s.lease_from));
    if (s.now - s.role_since >= std::max<Ticks>(s.settings.takeover_delay, 1000))
        handover_undo(t, fmt::format("the {} did not end within {} ms",
                                     s.frozen ? "tasks" : "transactions of the store",
                                     s.now - s.role_since));
}

void handover_heard(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::releasing || past_return(s)) return;
    const Message& m = s.peer.last;
    if (m.role != Role::standby || m.leaving || m.hold || m.record != s.record)
        handover_undo(t, "the peer is not an in-sync standby any more");
}

void handover_store(Turn& t, const StoreEvent& event)
{
    State& s = t.s;
    using Kind = StoreEvent::Kind;
    if (event.kind == Kind::thawed) {
        s.thawing = false;
        return try_resume(t);
    }
    if (s.role != Role::releasing || past_return(s)) return;
    if (event.kind == Kind::freeze_failed)
        return handover_undo(t, "the store could not be frozen in time");
    s.frozen = true;
    s.store = StoreState::frozen;
    handover_try(t);
}

void handover_try(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::releasing || past_return(s) || !s.frozen || !s.tasks_dead) return;
    // Somebody was made master by force meanwhile, which the dr node may tell first: to give the
    // role away now would leave a record that nobody has the right to.
    if (s.epoch_seen > s.record.epoch)
        return handover_undo(t, fmt::format("epoch {} was begun elsewhere", s.epoch_seen));
    const Node heir = is_dr(s) ? s.heir : peer_of(s);
    // The dr node is a mirror again afterwards: round 1.
    t.persist(Record{next_epoch(s, heir), heir, Mode::alone, is_dr(s) ? 1U : 0U},
              After::handed_over);
}

void handover_persisted(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::releasing) return;
    t.send(); // first: from here to the peer's promotion is the gap that users see
    demote(t, Event::handed_over, "demotion",
           fmt::format("point of no return: epoch {} is the peer's", s.record.epoch));
}

void handover_reply(Turn& t)
{
    State& s = t.s;
    if (!s.owed || s.owed->kind != Command::Kind::hand_over) return;
    if (s.role == Role::master || s.role == Role::releasing) return;
    const Message& m = s.peer.last;
    if (m.role == Role::master && m.record.master == peer_of(s) &&
        m.record.epoch >= s.record.epoch) {
        t.notify("handover_done", fmt::format("the peer is master of epoch {}", m.record.epoch));
        return t.reply(s.owed, Reply::Kind::done,
                       fmt::format("the peer is master of epoch {}", m.record.epoch));
    }
    const Ticks limit = std::max<Ticks>(10000, 5 * s.settings.takeover_delay);
    if (s.now - s.owed->since < limit) return;
    t.reply(s.owed, Reply::Kind::refused,
            fmt::format("the role was handed over, but the peer was not heard as master within {} "
                        "ms; the pair settles by itself, see status",
                        limit));
}

} // namespace roleswap::core
