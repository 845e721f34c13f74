#include "core/turn.hpp"

/// From master to nobody: kill the work, stop the store, and only then be undecided.
namespace roleswap::core {
namespace {

void drop_master_state(State& s)
{
    s.suspended = false;
    s.work_killed = false;
    s.thawing = false;
    s.mirroring = false;
    s.mode_busy = false;
    s.wish_alone = false;
    s.asking.reset();
    s.unsure = false;
    s.peer_may_claim = false;
    s.frozen = false;
    s.in_sync = false;
    s.store_hot = false;
    s.store = StoreState::down;
    // Whatever record is on its way becomes durable, but nothing follows from it any more.
    if (s.pending) s.pending->after = After::nothing;
}

} // namespace

void demote(Turn& t, Event event, std::string_view what, std::string why)
{
    State& s = t.s;
    t.move(event);
    t.emit(WorkKill{});
    t.emit(StoreStop{});
    s.tasks_dead = false;
    s.store_stopped = false;
    drop_master_state(s);
    t.notify(what, std::move(why));
    if (event != Event::handed_over && s.owed)
        t.reply(s.owed, Reply::Kind::refused, "this node had to give up its role meanwhile");
}

void try_released(Turn& t)
{
    State& s = t.s;
    using enum Settings::Sabotage;
    const bool work = s.tasks_dead || sabotaged(s, undecided_with_work);
    const bool store = s.store_stopped || sabotaged(s, undecided_with_store);
    if (s.role != Role::demoting || !work || !store) return;
    // A claim on its way to the disk would stand there after the peer settled without it.
    if (s.pending) return;
    t.move(Event::released);
    resolve(t);
}

void master_store_failed(Turn& t)
{
    State& s = t.s;
    constexpr Ticks healthy = 30000;
    if (s.now - s.role_since > healthy) s.failures = 0;
    s.failures++;
    s.retry_at = s.now + retry_delay(s, s.failures);
    const bool mirrored = s.record.mode == Mode::mirrored;
    demote(t, Event::store_failed, "store_failed",
           fmt::format("the store of the master died (failure {} in a row); {}", s.failures,
                       mirrored ? "an in-sync peer may claim now"
                                : "the peer is not in sync, so this node tries again"));
}

} // namespace roleswap::core
