#include "core/turn.hpp"
#include <algorithm>
#include <limits>

/// One step: which family of rules an input belongs to.
namespace roleswap::core {
namespace {

Ticks add(Ticks a, Ticks b)
{
    return b > std::numeric_limits<Ticks>::max() - a ? std::numeric_limits<Ticks>::max() : a + b;
}

/// This node did not watch: what it believed of the peer needs a new answer.
void wake_up(Turn& t, Ticks step)
{
    State& s = t.s;
    s.peer.silence = 0;
    for (ThirdView& view : s.thirds) view.silence = 0;
    s.probe = {};
    s.answer_from = s.sequence + 1;
    s.in_sync = false;
    t.notify("freeze", fmt::format("this daemon did not run for {} ms", step));
}

void on(Turn& t, const Elapsed& elapsed)
{
    State& s = t.s;
    s.now = add(s.now, elapsed.ticks);
    // A step may hide messages that wait in the socket, so only as much of it counts as silence as
    // a loop on time would have shown.
    const Ticks watched = std::min(elapsed.ticks, 2 * s.settings.heartbeat);
    s.peer.silence = add(s.peer.silence, watched);
    for (ThirdView& view : s.thirds)
        if (view.last.boot != 0) view.silence = add(view.silence, watched);
    if (elapsed.ticks > s.settings.takeover_delay / 2) wake_up(t, elapsed.ticks);
    if (is_dr(s)) return dr_elapsed(t);
    handover_elapsed(t);
    third_elapsed(t);
    lease_elapsed(t, elapsed.ticks);
    mode_elapsed(t);
    if (s.role == Role::standby) standby_elapsed(t, elapsed.ticks);
    if (s.role == Role::claiming) claim_elapsed(t);
    resolve(t);
    leave_elapsed(t);
    handover_reply(t);
}

/// A change that the peer should have an answer to at once.
bool is_news(const Message& before, const Message& after)
{
    return before.boot != after.boot || before.role != after.role ||
           before.record != after.record || before.wish_alone != after.wish_alone ||
           before.leaving != after.leaving || before.hold != after.hold;
}

void master_heard(Turn& t)
{
    State& s = t.s;
    const Message& m = s.peer.last;
    const bool newer = m.record.epoch > s.record.epoch && m.record.master == peer_of(s);
    const bool blind = sabotaged(s, Settings::Sabotage::no_epoch_check);
    if ((newer || m.role == Role::claiming) && !blind)
        return demote(t, Event::newer_epoch, "demotion",
                      fmt::format("the peer is {} of epoch {}, this node of {}", to_string(m.role),
                                  m.record.epoch, s.record.epoch));
    handover_heard(t);
    mode_heard(t);
}

bool is_stale(const Message& m, const Message& before)
{
    return m.boot == before.boot ? m.sequence <= before.sequence : m.boot < before.boot;
}

void on(Turn& t, const HeardThird& heard)
{
    State& s = t.s;
    ThirdView& view = s.thirds.at(heard.from == Node::second ? 1 : 0);
    if (is_stale(heard.message, view.last)) return;
    view = {heard.message, s.now, 0};
    s.epoch_seen = std::max(s.epoch_seen, heard.message.record.epoch);
    if (is_dr(s)) return dr_heard(t, heard.from);
    pair_hears_dr(t);
}

void on(Turn& t, const Heard& heard)
{
    State& s = t.s;
    const Message& m = heard.message;
    const Message before = s.peer.last;
    if (is_stale(m, before)) return;
    s.peer.last = m;
    s.peer.heard_at = s.now;
    s.peer.silence = 0;
    s.epoch_seen = std::max(s.epoch_seen, m.record.epoch);
    if (unanswered_for(s) < percent(s, probe_percent)) s.probe = {};
    if (is_news(before, m)) s.changed = true;
    renew_lease(t);
    yield_to_dr(t, m.record);
    if (s.role == Role::master || s.role == Role::releasing)
        master_heard(t);
    else if (s.role == Role::standby)
        standby_heard(t);
    else if (s.role == Role::claiming)
        claim_heard(t);
    resolve(t);
    handover_reply(t);
}

void on(Turn& t, const Persisted& persisted)
{
    State& s = t.s;
    if (!s.pending || s.pending->ticket != persisted.ticket) return; // a newer record is under way
    const After after = s.pending->after;
    s.record = s.pending->record;
    s.pending.reset();
    s.changed = true;
    switch (after) {
    case After::nothing:
        break;
    case After::lead:
        return claim_persisted(t);
    case After::mirrored:
        return mode_mirrored_persisted(t);
    case After::alone:
        return mode_alone_persisted(t);
    case After::in_sync:
        return standby_in_sync(t);
    case After::handed_over:
        return handover_persisted(t);
    }
    order_follow(t);
    try_released(t);
    resolve(t);
}

void store_failed(Turn& t)
{
    State& s = t.s;
    s.store_stopped = true;
    s.store = StoreState::down;
    switch (s.role) {
    case Role::standby:
        return standby_store(t, {StoreEvent::Kind::failed, {}});
    case Role::claiming:
        return store_fails_claim(t);
    case Role::master:
    case Role::releasing:
        return master_store_failed(t);
    case Role::demoting:
        return try_released(t);
    case Role::undecided:
        return;
    }
}

void on(Turn& t, const StoreEvent& event)
{
    State& s = t.s;
    using Kind = StoreEvent::Kind;
    if (event.position.bytes != 0) s.position = event.position;
    switch (event.kind) {
    case Kind::following:
    case Kind::lost_peer:
        if (s.role == Role::standby) return standby_store(t, event);
        return mode_store(t, event);
    case Kind::primary:
        return store_leads(t);
    case Kind::in_sync:
    case Kind::alone:
        return mode_store(t, event);
    case Kind::frozen:
    case Kind::freeze_failed:
    case Kind::thawed:
        return handover_store(t, event);
    case Kind::stopped:
        s.store_stopped = true;
        s.store = StoreState::down;
        return try_released(t);
    case Kind::failed:
        return store_failed(t);
    case Kind::progress:
        return;
    }
}

void on(Turn& t, const ProbeAnswer& answer)
{
    probe_answered(t, answer);
}

void on(Turn& t, const TasksDead&)
{
    t.s.tasks_dead = true;
    handover_try(t);
    try_resume(t);
    try_released(t);
}

void on(Turn& t, const Command& command)
{
    on_command(t, command);
}

void on(Turn& t, const WitnessAnswer& answer)
{
    witness_answered(t, answer);
}

void on(Turn& t, const FenceAnswer& answer)
{
    fence_answered(t, answer);
}

void on(Turn& t, const GuardEvent& event)
{
    guard_event(t, event);
}

} // namespace

State boot(const Settings& settings, const Record& record)
{
    State state;
    state.settings = settings;
    state.record = record;
    state.epoch_seen = record.epoch;
    return state;
}

Effects step(State& state, const Input& input)
{
    Effects effects;
    Turn turn(state, effects);
    if (!state.boot_told) {
        state.boot_told = true;
        turn.notify("boot",
                    fmt::format("boot {}: undecided; record: epoch {}, {}", state.settings.boot,
                                state.record.epoch, to_string(state.record.mode)));
    }
    std::visit([&turn](const auto& what) { on(turn, what); }, input);
    update_guard(turn);
    if (state.changed || heartbeat_due(state, input)) turn.send();
    return effects;
}

} // namespace roleswap::core
