#include "inside.hpp"
#include "trace.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>

/// The actions, one by one.
namespace roleswap::explore {

using Kind = core::StoreEvent::Kind;

void Run::tick()
{
    notice_streams();
    for (unsigned n = 0; n < 2; ++n) {
        Side& side = w.side[n];
        if (!side.alive) continue;
        if (side.frozen)
            side.slept = std::min(side.slept + step_ms, age_cap);
        else
            step(n, core::Elapsed{step_ms});
    }
}

/// It says nothing else ever, so what it said last need not be kept.
void Run::dr_tells(unsigned n)
{
    core::Message message{.boot = 1, .sequence = 1, .role = core::Role::master};
    message.record = {core::dr_era, core::Node::dr, core::Mode::alone};
    step(n, core::HeardThird{core::Node::dr, message});
    w.side[n].core.thirds = {};
}

void Run::hear(unsigned n, unsigned which)
{
    const core::Message message = w.to[n].items[which];
    w.to[n].erase(which);
    step(n, core::Heard{message});
}

void Run::persisted(unsigned n)
{
    Side& side = w.side[n];
    const Write write = side.due.writes.items[0];
    side.due.writes.erase(0);
    if (write.record.epoch < side.disk.epoch) violate("I4: an older epoch is persisted");
    side.disk = write.record;
    step(n, core::Persisted{write.ticket});
}

void Run::killed(unsigned n)
{
    w.side[n].due.kill = false;
    w.side[n].tasks = false;
    step(n, core::TasksDead{});
}

void Run::lead(unsigned n)
{
    Side& side = w.side[n];
    const core::Epoch epoch = side.core.record.epoch;
    if (!w.forced && !side.store.has_all)
        violate("I2: the new master lacks an acknowledged commit");
    const bool known = epoch == w.led.epoch && w.led.master == side.core.settings.self;
    if (!w.forced && epoch <= w.led.epoch && !known) violate("I4: a new master has no newer epoch");
    if (w.side[1 - n].frozen) see(Sight::frozen_while_peer_leads);
    w.led = {epoch, 0, side.core.settings.self};
    side.store.state = Store::State::primary;
    side.store.has_all = true;
    side.store.sync = side.store.sync_owed = side.store.set_alone = false;
    side.store.freezing = side.store.frozen = false;
    side.due.store.push(Kind::primary);
}

void Run::store_op(unsigned n, bool fails)
{
    Store& store = w.side[n].store;
    const Op op = std::exchange(store.op, Op::none);
    if (op == Op::follow && !fails) {
        store.state = Store::State::following;
        store.streaming = false;
        return;
    }
    if (op == Op::lead && !fails) return lead(n);
    store.state = Store::State::down;
    store.streaming = store.sync = store.sync_owed = store.set_alone = false;
    store.freezing = store.frozen = store.thawing = false;
    w.side[n].due.store.push(op == Op::stop ? Kind::stopped : Kind::failed);
}

void Run::store_mode(unsigned n)
{
    Store& store = w.side[n].store;
    if (store.set_alone) {
        store.set_alone = false;
        w.side[n].due.store.push(Kind::alone);
    } else {
        store.sync_owed = false;
        w.side[1 - n].store.has_all = true;
        w.side[n].due.store.push(Kind::in_sync);
    }
}

void Run::store_freeze(unsigned n, bool fails)
{
    Store& store = w.side[n].store;
    if (std::exchange(store.thawing, false)) return w.side[n].due.store.push(Kind::thawed);
    store.freezing = false;
    store.frozen = !fails;
    w.side[n].due.store.push(fails ? Kind::freeze_failed : Kind::frozen);
}

void Run::store_event(unsigned n)
{
    const Kind kind = w.side[n].due.store.items[0];
    w.side[n].due.store.erase(0);
    step(n, core::StoreEvent{kind, {}});
}

/// A late answer tells what was true some time ago.
void Run::probe(unsigned n, bool late)
{
    using enum Due::Probe;
    Due& due = w.side[n].due;
    if (due.probe == asked) due.probe = w.side[n].lan ? reached : missed;
    if (late) return;
    using Answer = core::ProbeAnswer::Kind;
    const bool yes = std::exchange(due.probe, none) == reached;
    step(n, core::ProbeAnswer{yes ? Answer::reached : Answer::none_reached});
}

/// how 0: as it is; 1: it decides, the answer is lost; 2: it was read, the put comes late; 3: it
/// decides, the answer comes late.
void Run::witness(unsigned n, unsigned how)
{
    Side& side = w.side[n];
    const core::WitnessAsk ask = *side.due.witness;
    side.due.witness.reset();
    side.due.told = decide(n, ask, how);
    if (how != 3) told(n);
}

core::WitnessAnswer Run::decide(unsigned n, const core::WitnessAsk& ask, unsigned how)
{
    using Answer = core::WitnessAnswer::Kind;
    Side& side = w.side[n];
    const core::WitnessAnswer nothing{ask.ticket, Answer::unreachable, {}};
    if (!side.lan || w.witness_down) return nothing;
    if (w.wiped) return {ask.ticket, how == 1 ? Answer::unreachable : Answer::wiped, {}};
    const bool allowed = w.verdict.master == ask.value.master || !core::older(ask.seen, w.verdict);
    if (!allowed) {
        see(Sight::witness_refused);
        return how == 1 ? nothing : core::WitnessAnswer{ask.ticket, Answer::refused, w.verdict};
    }
    const core::Verdict put = core::older(w.verdict, ask.value) ? ask.value : w.verdict;
    if (how == 2) {
        side.zombie = put;
        return nothing;
    }
    w.verdict = put;
    w.side[0].zombie.reset();
    w.side[1].zombie.reset();
    see(Sight::witness_granted);
    return how == 1 ? nothing : core::WitnessAnswer{ask.ticket, Answer::granted, put};
}

void Run::told(unsigned n)
{
    const core::WitnessAnswer answer = *w.side[n].due.told;
    w.side[n].due.told.reset();
    step(n, answer);
}

void Run::land(unsigned n)
{
    w.verdict = *w.side[n].zombie;
    w.side[0].zombie.reset();
    w.side[1].zombie.reset();
}

/// What the peer was writing when its power went may be on its disk or not.
void Run::fence(unsigned n, unsigned how)
{
    using Answer = core::FenceAnswer::Kind;
    const auto ticket = std::exchange(w.side[n].due.fence, 0);
    const unsigned kept = how / fence_kept;
    how %= fence_kept;
    if (how != 1) {
        see(Sight::fenced);
        end(1 - n, kept);
    }
    step(n, core::FenceAnswer{ticket, how == 0 ? Answer::confirmed : Answer::failed});
}

void Run::fire(unsigned n)
{
    Side& side = w.side[n];
    see(Sight::guard_fired);
    side.tasks = false;
    const bool killing = side.due.kill;
    side.due.kill = killing; // TasksDead is still owed to the daemon
    if (side.store.state != Store::State::down) {
        const Op op = side.store.op;
        side.store = Store{.has_all = side.store.has_all};
        side.store.op = op == Op::stop ? Op::stop : Op::none;
        side.due.store = {};
        if (op != Op::stop) side.due.store.push(Kind::failed);
    }
    side.due.guard = core::GuardEvent::Kind::fired;
}

void Run::guard(unsigned n)
{
    Side& side = w.side[n];
    const auto kind = *std::exchange(side.due.guard, std::nullopt);
    step(n, core::GuardEvent{kind});
    if (kind == core::GuardEvent::Kind::ready) return;
    // The daemon starts another one.
    side.guarded = true;
    side.due.guard = core::GuardEvent::Kind::ready;
}

/// What the guard did comes first, then the time that passed, then all that waited.
void Run::wake(unsigned n)
{
    Side& side = w.side[n];
    side.frozen = false;
    const auto slept = std::exchange(side.slept, 0);
    if (side.due.guard == core::GuardEvent::Kind::fired) guard(n);
    if (slept > 0) step(n, core::Elapsed{slept});
}

void Run::boot(unsigned n)
{
    Side& side = w.side[n];
    core::Settings settings = side.core.settings;
    settings.boot = ++side.boots;
    side.alive = true;
    side.core = core::boot(settings, side.disk);
    side.guarded = mode.guard;
    if (mode.guard) side.due.guard = core::GuardEvent::Kind::ready;
    note(n, "* boots with " + sim::describe(side.disk));
}

/// The daemon ends, and with it at once its tasks and its store: by the guard, the service manager
/// or the host.  `kept` of the writes under way reached the disk.
void Run::end(unsigned n, unsigned kept)
{
    Side& side = w.side[n];
    for (unsigned i = 0; i < kept; ++i) side.disk = side.due.writes.items[i].record;
    const Store store{.has_all = side.store.has_all};
    Side next;
    next.core.settings = side.core.settings;
    next.disk = side.disk;
    next.boots = side.boots;
    next.lan = side.lan;
    next.zombie = side.zombie;
    next.store = store;
    side = next;
    w.to[n] = {};
    if (w.stalled == n) w.stall = Stall::none;
}

void Run::cut(const Action& action)
{
    w.cut[action.n] = true;
    if (action.arg & 1) w.cut[1 - action.n] = true;
    if (action.arg & 2) w.side[0].lan = false;
    if (action.arg & 4) w.side[1].lan = false;
}

void Run::heal()
{
    w.cut = {};
    w.serial_cut = false;
    w.side[0].lan = w.side[1].lan = true;
}

/// A witness without memory gets a new one from the master, by an operator.
void Run::witness_back()
{
    w.witness_down = false;
    if (!w.wiped) return;
    for (const Side& side : w.side) {
        if (side.core.role != core::Role::master) continue;
        w.wiped = false;
        w.verdict = {side.core.record.epoch, side.core.record.round, side.core.settings.self};
        w.side[0].zombie.reset();
        w.side[1].zombie.reset();
    }
}

void Run::act(const Action& a)
{
    Side& side = w.side[a.n];
    using K = Action::Kind;
    switch (a.kind) {
    case K::tick:
        return tick();
    case K::hear:
        return hear(a.n, a.arg);
    case K::persisted:
        return persisted(a.n);
    case K::killed:
        return killed(a.n);
    case K::store_op:
        return store_op(a.n, a.arg == 1);
    case K::store_mode:
        return store_mode(a.n);
    case K::store_freeze:
        return store_freeze(a.n, a.arg == 1);
    case K::store_event:
        return store_event(a.n);
    case K::probe:
        return probe(a.n, a.arg == 1);
    case K::witness:
        return witness(a.n, a.arg);
    case K::told:
        return told(a.n);
    case K::land:
        return land(a.n);
    case K::fence:
        return fence(a.n, a.arg);
    case K::guard:
        return guard(a.n);
    case K::fire:
        return fire(a.n);
    case K::exit:
    case K::crash:
        return end(a.n, a.arg);
    case K::boot:
        return boot(a.n);
    case K::freeze:
        side.frozen = true;
        return;
    case K::wake:
        return wake(a.n);
    case K::cut:
        return cut(a);
    case K::heal:
        return heal();
    case K::serial:
        w.serial_cut = true;
        return;
    case K::lan:
        side.lan = false;
        return;
    case K::stall:
        w.stall = Stall(a.arg);
        w.stalled = a.n;
        return;
    case K::unstall:
        w.stall = Stall::none;
        return;
    case K::store_dies:
        side.store = Store{.has_all = side.store.has_all};
        side.due.store = {};
        return side.due.store.push(Kind::failed);
    case K::guard_dies:
        side.guarded = false;
        side.due.guard = core::GuardEvent::Kind::lost;
        return;
    case K::witness_dies:
        w.witness_down = true;
        return;
    case K::witness_wiped:
        w.wiped = true;
        return;
    case K::witness_back:
        return witness_back();
    case K::command:
        return step(a.n, core::Command{1, mode.commands.at(a.arg), "explored"});
    case K::dr_tells:
        return dr_tells(a.n);
    }
}

std::optional<Fault> fault_of(const Action& action)
{
    using enum Action::Kind;
    switch (action.kind) {
    case crash:
        return Fault::crash;
    case freeze:
        return Fault::freeze;
    case cut:
    case serial:
    case lan:
        return Fault::cut;
    case stall:
        return Fault::stall;
    case store_dies:
        return Fault::store;
    case guard_dies:
        return Fault::guard;
    case command:
    case dr_tells:
        return Fault::command;
    case witness_dies:
    case witness_wiped:
        return Fault::third;
    case store_op:
    case store_freeze:
        if (action.arg == 1) return Fault::store;
        return std::nullopt;
    case witness:
        if (action.arg == 1 || action.arg == 2) return Fault::third;
        return std::nullopt;
    case fence:
        if (action.arg % fence_kept != 0) return Fault::third;
        return std::nullopt;
    default:
        return std::nullopt;
    }
}

void apply(const Mode& mode, World& world, const Action& action, Seen& seen)
{
    Run run{mode, world, seen};
    if (const auto fault = fault_of(action)) {
        world.budget[std::size_t(*fault)]--;
        world.faults--;
    }
    try {
        run.act(action);
    } catch (const std::exception& error) {
        run.violate(fmt::format("the core threw: {}", error.what()));
    }
    run.settle_stores();
    run.check();
}

} // namespace roleswap::explore
