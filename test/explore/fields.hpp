#pragma once
#include "world.hpp"

/// The one listing of all that makes two worlds different, for every pass over a world.  A field
/// that is added to core::State must be added here: the sizes below are there to remind of it.
namespace roleswap::explore {

/// Counters of which only the order counts, by node.
enum class Number : std::uint8_t { boot, sequence, ticket, third };
constexpr std::size_t numbers = 4;

/// Kept or told by node `n`.  The round of an epoch of the dr node, and that which the dr node
/// writes down, is a mark and no number (core::Record).
template <class Io> void fields(Io& io, unsigned n, core::Record& r)
{
    const core::Epoch of = r.epoch;
    io.epoch(r.epoch);
    if (r.epoch != 0) io.node(r.master);
    io.plain(r.mode);
    if (n == dr_node || (of != 0 && of % core::dr_era == 0))
        io.plain(r.round);
    else
        io.round(of, r.round);
}

template <class Io> void fields(Io& io, core::Verdict& v)
{
    const core::Epoch of = v.epoch;
    io.epoch(v.epoch);
    if (v.epoch != 0) io.node(v.master);
    io.round(of, v.round);
}

/// A message from node `from`.
template <class Io> void fields(Io& io, unsigned from, core::Message& m)
{
    io.number(from, Number::boot, m.boot);
    io.number(from, Number::sequence, m.sequence);
    io.time(from, m.sent_at, age_cap);
    io.number(1 - from, Number::boot, m.echo_boot);
    io.number(1 - from, Number::sequence, m.echo_sequence);
    io.time(1 - from, m.echo_sent_at, age_cap);
    io.plain(m.role);
    fields(io, from, m.record);
    io.plain(m.store);
    io.plain(m.leaving);
    io.plain(m.hold);
    io.plain(m.wish_alone);
}

template <class Io> void fields(Io& io, unsigned n, std::optional<core::Owed>& owed)
{
    if (!io.present(owed)) return;
    io.plain(owed->kind);
    io.time(n, owed->since, age_cap);
}

template <class Io> void fields(Io& io, unsigned n, core::PeerView& peer)
{
    fields(io, 1 - n, peer.last);
    io.ticks(peer.silence, age_cap);
    io.plain(peer.bad);
    io.time(n, peer.bad_since, 1100);
    io.number(n, Number::sequence, peer.bad_from);
}

template <class Io> void fields(Io& io, unsigned n, core::ProbeView& probe)
{
    io.plain(probe.asked);
    io.plain(probe.answered);
    io.plain(probe.reached);
    io.plain(probe.misses);
    io.time(n, probe.asked_at, 300);
    io.time(n, probe.reached_at, age_cap);
    io.plain(probe.was_cut_off);
}

template <class Io> void fields(Io& io, unsigned n, std::optional<core::Asking>& asking)
{
    if (!io.present(asking)) return;
    io.number(n, Number::third, asking->ticket);
    io.plain(asking->what);
    io.plain(asking->whom);
    io.time(n, asking->since, 500);
    io.epoch(asking->epoch);
    io.plain(asking->peer_has_all);
    io.plain(asking->resigned);
}

template <class Io> void fields(Io& io, unsigned n, core::State& s)
{
    io.number(n, Number::boot, s.settings.boot);
    io.plain(s.role);
    io.time(n, s.role_since, n == dr_node ? dr_cap : 1100);
    fields(io, n, s.record);
    if (io.present(s.pending)) {
        io.number(n, Number::ticket, s.pending->ticket);
        fields(io, n, s.pending->record);
        io.plain(s.pending->after);
    }
    io.number(n, Number::ticket, s.ticket);
    io.epoch(s.epoch_seen);
    io.number(n, Number::sequence, s.sequence);
    io.time(n, s.sent_at, step_ms);
    io.number(n, Number::sequence, s.answer_from);
    if (n != dr_node) fields(io, n, s.peer);
    fields(io, n, s.probe);
    io.plain(s.store);
    io.plain(s.store_hot);
    io.ahead(n, s.retry_at, age_cap);
    io.plain(s.failures);
    io.plain(s.lead_failures);
    io.epoch(s.follow_epoch);
    io.plain(s.in_sync);
    io.plain(s.peer_may_claim);
    io.time(n, s.lease_from, age_cap);
    for (bool* flag :
         {&s.suspended, &s.work_killed, &s.thawing, &s.mirroring, &s.mode_busy, &s.wish_alone,
          &s.tasks_dead, &s.store_stopped, &s.frozen, &s.claim_leads, &s.lead_ordered,
          &s.peer_has_all, &s.hold, &s.leaving, &s.changed, &s.unsure, &s.guard_ready})
        io.plain(*flag);
    io.number(n, Number::sequence, s.wish_sequence);
    fields(io, n, s.asking);
    io.number(n, Number::third, s.third_ticket);
    io.ahead(n, s.ask_at, age_cap);
    io.deadline(n, s.guard_until);
    fields(io, n, s.owed);
    fields(io, n, s.owed_leave);
}

template <class Io> void fields(Io& io, unsigned n, Due& due)
{
    io.plain(due.writes.count);
    for (auto& write : due.writes) {
        fields(io, n, write.record);
        io.number(n, Number::ticket, write.ticket);
    }
    io.plain(due.store.count);
    for (auto& kind : due.store) io.plain(kind);
    io.plain(due.kill);
    io.plain(due.probe);
    if (io.present(due.witness)) {
        io.number(n, Number::third, due.witness->ticket);
        fields(io, due.witness->seen);
        fields(io, due.witness->value);
    }
    if (io.present(due.told)) {
        io.number(n, Number::third, due.told->ticket);
        io.plain(due.told->kind);
        fields(io, due.told->found);
    }
    io.number(n, Number::third, due.fence);
    if (io.present(due.guard)) io.plain(*due.guard);
}

template <class Io> void fields(Io& io, unsigned n, Side& side)
{
    fields(io, n, side.core);
    for (bool* flag :
         {&side.alive, &side.exiting, &side.frozen, &side.guarded, &side.tasks, &side.lan,
          &side.store.streaming, &side.store.has_all, &side.store.lost, &side.store.sync,
          &side.store.set_alone, &side.store.sync_owed, &side.store.freezing, &side.store.frozen,
          &side.store.thawing, &side.store.may_lead})
        io.plain(*flag);
    io.plain(side.store.state);
    io.plain(side.store.op);
    io.ticks(side.slept, age_cap);
    fields(io, n, side.disk);
    fields(io, n, side.before);
    io.number(n, Number::boot, side.boots);
    fields(io, n, side.due);
    if (io.present(side.zombie)) fields(io, *side.zombie);
}

/// What is told over the links of the dr node, as far as somebody asks for it (third.cpp).
template <class Io> void words(Io& io, unsigned from, core::Message& m)
{
    io.plain(m.role);
    fields(io, from, m.record);
    io.plain(m.store);
    io.plain(m.leaving);
}

/// What node `n` knows of `from`.
template <class Io> void fields(Io& io, unsigned from, core::ThirdView& view)
{
    bool heard = view.last.boot != 0;
    io.plain(heard);
    if (!heard) return;
    view.last.boot = 1;
    words(io, from, view.last);
    io.ticks(view.silence, dr_cap);
}

template <class Io> void links(Io& io, World& world)
{
    Third& dr = *world.dr;
    for (unsigned n = 0; n < 2; ++n) {
        fields(io, dr_node, world.side[n].core.thirds[0]);
        fields(io, n, dr.side.core.thirds[n]);
        if (io.present(dr.from_pair[n])) words(io, n, *dr.from_pair[n]);
        if (io.present(dr.to_pair[n])) words(io, dr_node, *dr.to_pair[n]);
    }
    for (unsigned n = 0; n < 3; ++n) io.node(world.at(n).store.from);
    io.node(dr.side.core.heir);
    io.plain(dr.cut);
}

template <class Io> void each_field(Io& io, World& world)
{
    for (unsigned n = 0; n < world.nodes(); ++n) fields(io, n, world.at(n));
    if (world.dr) links(io, world);
    for (unsigned n = 0; n < 2; ++n) {
        io.plain(world.to[n].count);
        for (auto& message : world.to[n]) fields(io, 1 - n, message);
    }
    for (bool* flag : {&world.cut[0], &world.cut[1], &world.serial_cut, &world.wiped,
                       &world.witness_down, &world.forced})
        io.plain(*flag);
    io.plain(world.stall);
    io.plain(world.stalled);
    fields(io, world.verdict);
    io.epoch(world.led.epoch);
    if (world.led.epoch != 0) io.node(world.led.master);
    for (auto& left : world.budget) io.plain(left);
    io.plain(world.faults);
}

} // namespace roleswap::explore
