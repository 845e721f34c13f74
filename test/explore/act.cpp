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
    for (unsigned n = 0; n < w.nodes(); ++n) {
        Side& side = w.at(n);
        if (!side.alive) continue;
        if (side.frozen)
            side.slept = std::min(side.slept + step_ms, age_cap);
        else
            step(n, core::Elapsed{step_ms});
    }
}

void Run::hear(unsigned n, unsigned which)
{
    if (n == dr_node) return hear_dr(which);
    const core::Message message = w.to[n].items[which];
    w.to[n].erase(which);
    step(n, core::Heard{message});
}

void Run::persisted(unsigned n)
{
    Side& side = w.at(n);
    const Write write = side.due.writes.items[0];
    side.due.writes.erase(0);
    if (write.record.epoch < side.disk.epoch) violate("I4: an older epoch is persisted");
    side.disk = write.record;
    step(n, core::Persisted{write.ticket});
}

void Run::killed(unsigned n)
{
    w.at(n).due.kill = false;
    w.at(n).tasks = false;
    step(n, core::TasksDead{});
}

void Run::store_event(unsigned n)
{
    const Kind kind = w.at(n).due.store.items[0];
    w.at(n).due.store.erase(0);
    if (kind == Kind::primary) w.at(n).store.may_lead = false;
    step(n, core::StoreEvent{kind, {}});
}

void Run::fire(unsigned n)
{
    Side& side = w.at(n);
    see(Sight::guard_fired);
    side.tasks = false;
    const bool killing = side.due.kill;
    side.due.kill = killing; // TasksDead is still owed to the daemon
    if (side.store.state != Store::State::down) {
        const Op op = side.store.op;
        side.store = Store{.may_lead = side.store.may_lead, .has_all = side.store.has_all};
        side.store.op = op == Op::stop ? Op::stop : Op::none;
        if (op == Op::stop)
            side.due.store = {};
        else
            store_failed(n);
    }
    side.due.guard = core::GuardEvent::Kind::fired;
}

void Run::guard(unsigned n)
{
    Side& side = w.at(n);
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
    Side& side = w.at(n);
    side.frozen = false;
    const auto slept = std::exchange(side.slept, 0);
    if (side.due.guard == core::GuardEvent::Kind::fired) guard(n);
    if (slept > 0) step(n, core::Elapsed{slept});
}

void Run::boot(unsigned n)
{
    Side& side = w.at(n);
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
    Side& side = w.at(n);
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
    if (n == dr_node) w.dr->from_pair = {};
    if (n == dr_node) return unstall(n);
    w.to[n] = {};
    if (w.dr) w.dr->to_pair[n].reset();
    unstall(n);
}

void Run::unstall(unsigned n)
{
    if (w.stalled == n) w.stall = Stall::none;
}

void Run::cut(const Action& action)
{
    if (action.n == dr_node) return void(w.dr->cut = true);
    w.cut[action.n] = true;
    if (action.arg & 1) w.cut[1 - action.n] = true;
    if (action.arg & 2) w.side[0].lan = false;
    if (action.arg & 4) w.side[1].lan = false;
}

void Run::heal()
{
    w.cut = {};
    if (w.dr) w.dr->cut = false;
    w.serial_cut = false;
    w.side[0].lan = w.side[1].lan = true;
}

void Run::act(const Action& a)
{
    Side& side = w.at(a.n);
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
        side.store = Store{.may_lead = side.store.may_lead, .has_all = side.store.has_all};
        return store_failed(a.n);
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
    run.hear_thirds();
    run.settle_stores();
    run.check();
}

} // namespace roleswap::explore
