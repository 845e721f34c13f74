#include "inside.hpp"
#include <algorithm>
#include <utility>

/// What can happen in a world, and what must happen before time goes on.
namespace roleswap::explore {
namespace {

using A = Action::Kind;

struct List {
    const Mode& mode;
    const World& w;
    std::vector<Action> out;

    void add(A kind, unsigned n = 0, unsigned arg = 0)
    {
        out.push_back({kind, static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(arg)});
    }
    bool left(Fault fault) const { return w.faults > 0 && w.budget[std::size_t(fault)] > 0; }

    void must(unsigned n);
    void must_store(unsigned n);
    void may_be_late(unsigned n);
    void third_parties_may_be_late(unsigned n);
    void fence(unsigned n, unsigned how);
    void hears_late(unsigned n);
    void commands(unsigned n);
    void cuts(unsigned n);
    void breaks_in_passing(unsigned n, bool between);
    void breaks(unsigned n);
    void breaks_around();
    void recovers();
};

/// Guard and daemon do not fail within one lease: a stated limit.
bool is_guarded(const Mode& mode, const Side& side)
{
    return !mode.guard || (side.guarded && side.due.guard != core::GuardEvent::Kind::lost);
}

/// Who is never asked is not late.  A fence takes as long as it takes anyway.
bool can_stall(const Mode& mode, unsigned n, Stall what)
{
    if (n == dr_node) return what != Stall::probe && what != Stall::witness;
    if (what == Stall::witness) return mode.witness;
    return what != Stall::probe || (mode.probes && !mode.witness && !mode.fence);
}

bool can_mode(const World& w, unsigned n)
{
    const Store& store = w.at(n).store;
    if (store.state != Store::State::primary) return false;
    return store.set_alone || (store.sync_owed && is_mirrored(w, n));
}

bool can_freeze(const World& w, unsigned n)
{
    const Store& store = w.at(n).store;
    if (store.thawing) return true;
    if (!store.freezing || store.state != Store::State::primary) return false;
    return (!store.sync && n != dr_node) || is_mirrored(w, n);
}

void List::must_store(unsigned n)
{
    if (stalled(w, n, Stall::store)) return;
    const Side& side = w.at(n);
    if (side.store.op != Op::none) add(A::store_op, n);
    if (can_mode(w, n)) add(A::store_mode, n);
    if (can_freeze(w, n)) add(A::store_freeze, n);
}

void List::must(unsigned n)
{
    const Side& side = w.at(n);
    if (!side.alive) return;
    if (deadline_passed(side)) add(A::fire, n);
    // What the daemon ordered goes on while it does not run; the answers wait.
    must_store(n);
    if (side.frozen) return;
    if (side.exiting) add(A::exit, n);
    if (side.due.guard) add(A::guard, n);
    if (n != dr_node && !w.to[n].empty() && !stalled(w, n, Stall::messages)) add(A::hear, n);
    if (!side.due.writes.empty() && !stalled(w, n, Stall::disk)) add(A::persisted, n);
    if (side.due.kill && !stalled(w, n, Stall::kill)) add(A::killed, n);
    if (!side.due.store.empty()) add(A::store_event, n);
    if (side.due.probe != Due::Probe::none && !stalled(w, n, Stall::probe)) add(A::probe, n);
    if (stalled(w, n, Stall::witness)) return;
    if (side.due.witness) add(A::witness, n);
    if (side.due.told) add(A::told, n);
}

/// What is slow may be done at any time; a fence takes as long as it takes.
void List::may_be_late(unsigned n)
{
    const Side& side = w.at(n);
    if (!side.alive) return;
    if (stalled(w, n, Stall::store)) {
        if (side.store.op != Op::none) add(A::store_op, n);
        if (can_mode(w, n)) add(A::store_mode, n);
        if (can_freeze(w, n)) add(A::store_freeze, n);
    }
    if (side.zombie) add(A::land, n);
    // The question was sent; who does not run hears the answer later.
    const bool late = side.frozen || stalled(w, n, Stall::witness);
    if (side.due.witness && late) add(A::witness, n, 3);
    if (!runs(side)) return;
    third_parties_may_be_late(n);
    if (stalled(w, n, Stall::messages)) hears_late(n);
    if (stalled(w, n, Stall::disk) && !side.due.writes.empty()) add(A::persisted, n);
    if (stalled(w, n, Stall::kill) && side.due.kill) add(A::killed, n);
}

void List::hears_late(unsigned n)
{
    const unsigned count = n == dr_node ? 4 : w.to[n].count;
    for (unsigned i = 0; i < count; ++i)
        if (n != dr_node || can_hear_dr(w, i)) add(A::hear, n, i);
}

/// A late answer tells what was so when it was given, or what is so when it comes.
void List::third_parties_may_be_late(unsigned n)
{
    const Side& side = w.at(n);
    if (side.due.fence != 0) fence(n, 0);
    if (stalled(w, n, Stall::probe) && side.due.probe != Due::Probe::none) {
        add(A::probe, n);
        if (side.due.probe == Due::Probe::asked) add(A::probe, n, 1);
    }
    if (!stalled(w, n, Stall::witness)) return;
    if (side.due.witness) add(A::witness, n);
    if (side.due.told) add(A::told, n);
}

/// `how` as in Action; with each number of writes that its victim keeps.
void List::fence(unsigned n, unsigned how)
{
    const Side& victim = w.side[1 - n];
    for (unsigned kept = 0; kept <= victim.due.writes.count; ++kept)
        add(A::fence, n, how + kept * fence_kept);
}

/// Between two things of one instant only what was begun, or is not heard yet, can be broken in a
/// way of its own.
bool has_begun(const Side& side)
{
    return !side.due.writes.empty() || !side.due.store.empty() || side.store.op != Op::none ||
           side.store.freezing || side.due.kill || side.due.witness;
}

void List::breaks_in_passing(unsigned n, bool between)
{
    const Side& side = w.at(n);
    if (!side.alive) return;
    // Where the dr node was activated, orders at any point would leave no room for depth.
    const bool any_point = !w.dr || mode.start == Start::in_sync;
    if (left(Fault::command) && runs(side) && (!between || any_point)) commands(n);
    if (between && !has_begun(side)) return;
    if (left(Fault::crash))
        for (unsigned kept = 0; kept <= side.due.writes.count; ++kept) add(A::crash, n, kept);
    if (left(Fault::freeze) && !side.frozen && is_guarded(mode, side)) add(A::freeze, n);
    const bool store = left(Fault::store) && !stalled(w, n, Stall::store);
    if (store && side.store.state != Store::State::down) add(A::store_dies, n);
    if (store && (side.store.op == Op::lead || side.store.op == Op::follow)) add(A::store_op, n, 1);
    if (store && side.store.freezing && can_freeze(w, n)) add(A::store_freeze, n, 1);
    if (side.due.witness && runs(side) && left(Fault::third) && side.lan && !w.witness_down) {
        add(A::witness, n, 1);
        add(A::witness, n, 2);
    }
    if (side.due.fence != 0 && runs(side) && left(Fault::third)) {
        add(A::fence, n, 1);
        fence(n, 2);
    }
}

/// The dr node refuses the others whatever it is.
void List::commands(unsigned n)
{
    using enum core::Command::Kind;
    for (unsigned i = 0; i < mode.commands.size(); ++i) {
        const auto kind = mode.commands[i];
        if (n != dr_node || kind == activate_force || kind == rejoin || kind == leave)
            add(A::command, n, i);
    }
}

void List::cuts(unsigned n)
{
    if (!left(Fault::cut)) return;
    if (n == dr_node) {
        if (!w.dr->cut) add(A::cut, n);
        return;
    }
    if (!w.cut[n]) {
        // At least one of two nodes that hear nothing of each other reaches nothing else either:
        // the stated limit of a pair without witness and fence.
        const bool safe = mode.witness || mode.fence;
        for (const unsigned both : {0U, 1U}) {
            if (both && n == 1) continue; // the same as from node 0
            if (safe) add(A::cut, n, both);
            for (const unsigned lan : {2U, 4U, 6U}) add(A::cut, n, both | lan);
        }
    }
    if (w.at(n).lan && !w.cut[0] && !w.cut[1]) add(A::lan, n);
}

void List::breaks(unsigned n)
{
    const Side& side = w.at(n);
    cuts(n);
    if (!side.alive) return;
    if (left(Fault::stall) && w.stall == Stall::none)
        for (const Stall what : mode.stalls)
            if (can_stall(mode, n, what)) add(A::stall, n, unsigned(what));
    if (left(Fault::guard) && side.guarded && runs(side)) add(A::guard_dies, n);
}

void List::breaks_around()
{
    if (mode.serial && left(Fault::cut) && !w.serial_cut) add(A::serial);
    if (!mode.witness || !left(Fault::third)) return;
    if (!w.witness_down) add(A::witness_dies);
    if (!w.wiped) add(A::witness_wiped);
}

void List::recovers()
{
    for (unsigned n = 0; n < w.nodes(); ++n) {
        if (!w.at(n).alive) add(A::boot, n);
        if (w.at(n).frozen) add(A::wake, n);
    }
    const bool apart = w.dr && w.dr->cut;
    if (w.cut[0] || w.cut[1] || w.serial_cut || !w.side[0].lan || !w.side[1].lan || apart)
        add(A::heal);
    if (w.stall != Stall::none) add(A::unstall);
    if (w.witness_down || w.wiped) add(A::witness_back);
}

/// Nodes touch each other by messages only, and those come in order: where node `n` has one to
/// hear, nothing that the other node does first can change what comes next here, so it need not be
/// tried in both orders.  Steps of the stores and of the witness touch both nodes.
bool goes_first(const World& w, const std::vector<Action>& due, unsigned n)
{
    if (w.dr) return false;                  // it is heard at once
    if (w.to[1 - n].count > 1) return false; // one more would push one out
    bool hears = false;
    for (const Action& action : due) {
        if (action.kind == A::hear && action.n == n) hears = true;
        if (action.kind == A::store_op || action.kind == A::store_mode ||
            action.kind == A::store_freeze || action.kind == A::witness || action.kind == A::fire ||
            action.kind == A::exit)
            return false;
    }
    return hears;
}

} // namespace

std::vector<Action> urgent(const Mode& mode, const World& world)
{
    List list{mode, world, {}};
    for (unsigned n = 0; n < world.nodes(); ++n) list.must(n);
    return std::move(list.out);
}

namespace {

enum class Order : std::uint8_t { every, enough };

std::vector<Action> choices(const Mode& mode, const World& world, Order order)
{
    List list{mode, world, urgent(mode, world)};
    const bool now = list.out.empty();
    for (unsigned n = 0; n < 2 && order == Order::enough; ++n) {
        if (!goes_first(world, list.out, n)) continue;
        std::erase_if(list.out, [n](const Action& action) { return action.n != n; });
        break;
    }
    for (unsigned n = 0; n < world.nodes(); ++n) {
        list.may_be_late(n);
        list.breaks_in_passing(n, !now);
        if (now) list.breaks(n);
    }
    if (!now) return std::move(list.out);
    list.add(A::tick);
    list.breaks_around();
    list.recovers();
    return std::move(list.out);
}

} // namespace

std::vector<Action> actions(const Mode& mode, const World& world)
{
    return choices(mode, world, Order::enough);
}

bool is_possible(const Mode& mode, const World& world, const Action& action)
{
    const auto all = choices(mode, world, Order::every);
    return std::find(all.begin(), all.end(), action) != all.end();
}

} // namespace roleswap::explore
