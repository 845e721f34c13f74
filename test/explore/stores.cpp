#include "inside.hpp"
#include <utility>

/// The stores: what they are ordered, and what goes on in them by itself.
namespace roleswap::explore {

using Kind = core::StoreEvent::Kind;

namespace {

bool is_linked(const World& w, unsigned a, unsigned b)
{
    return a == dr_node || b == dr_node ? !w.dr->cut : !w.cut[0] && !w.cut[1];
}

bool is_mode_answer(Kind kind)
{
    using enum core::StoreEvent::Kind;
    return kind == in_sync || kind == alone || kind == frozen || kind == freeze_failed ||
           kind == thawed;
}

} // namespace

unsigned number_of(core::Node node)
{
    return node == core::Node::dr ? dr_node : node == core::Node::second ? 1 : 0;
}

unsigned heir(const World& w)
{
    return w.dr->side.core.heir == core::Node::second ? 1 : 0;
}

unsigned source_of(const World& w, unsigned n)
{
    if (!w.dr) return 1 - n;
    const unsigned from = number_of(w.at(n).store.from);
    return from == n ? (n == dr_node ? 0 : 1 - n) : from;
}

bool can_stream(const World& w, unsigned n)
{
    const unsigned source = source_of(w, n);
    return is_linked(w, n, source) && w.at(source).store.state == Store::State::primary;
}

bool is_mirrored(const World& w, unsigned n)
{
    const unsigned by = n == dr_node ? heir(w) : 1 - n;
    return w.at(by).store.streaming && source_of(w, by) == n;
}

/// What an older order has not answered yet is never answered (as in ManagedStore).
void Run::order(unsigned n, Op op)
{
    w.at(n).store.op = op;
    w.at(n).due.store = {};
    if (op == Op::follow) w.at(n).store.may_lead = false;
}

/// Whoever hears of a death has heard before that the store led, if it did.
void Run::store_failed(unsigned n)
{
    auto& events = w.at(n).due.store;
    events = {};
    if (std::exchange(w.at(n).store.may_lead, false)) events.push(Kind::primary);
    events.push(Kind::failed);
}

/// What is to be told of mode and freeze is not told any more, but for `kept`.
void Run::forget_answers(unsigned n, Kind kept)
{
    auto& events = w.at(n).due.store;
    for (std::size_t i = events.count; i-- > 0;)
        if (is_mode_answer(events.items[i]) && events.items[i] != kept) events.erase(i);
}

void Run::order_freeze(unsigned n)
{
    Store& store = w.at(n).store;
    if (store.set_alone || store.sync_owed) violate("a freeze overtakes the order of a mode");
    store.thawing = false;
    forget_answers(n, Kind::progress);
}

void Run::lead(unsigned n)
{
    Side& side = w.at(n);
    const core::Epoch epoch = side.core.record.epoch;
    if (!w.forced && !side.store.has_all)
        violate("I2: the new master lacks an acknowledged commit");
    const bool known = epoch == w.led.epoch && w.led.master == side.core.settings.self;
    if (!w.forced && epoch <= w.led.epoch && !known) violate("I4: a new master has no newer epoch");
    if (n != dr_node && w.side[1 - n].frozen) see(Sight::frozen_while_peer_leads);
    w.led = {epoch, 0, side.core.settings.self};
    side.store.state = Store::State::primary;
    side.store.has_all = true;
    side.store.sync = side.store.sync_owed = side.store.set_alone = false;
    side.store.freezing = side.store.frozen = false;
    side.due.store.push(Kind::primary);
    side.store.may_lead = true;
}

void Run::store_op(unsigned n, bool fails)
{
    Store& store = w.at(n).store;
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
    if (op != Op::stop) return store_failed(n);
    w.at(n).due.store.push(Kind::stopped);
}

void Run::store_mode(unsigned n)
{
    Store& store = w.at(n).store;
    if (store.set_alone) {
        store.set_alone = false;
        w.at(n).due.store.push(Kind::alone);
    } else {
        store.sync_owed = false;
        w.side[1 - n].store.has_all = true;
        w.at(n).due.store.push(Kind::in_sync);
    }
}

void Run::store_freeze(unsigned n, bool fails)
{
    Store& store = w.at(n).store;
    if (std::exchange(store.thawing, false)) return w.at(n).due.store.push(Kind::thawed);
    store.freezing = false;
    store.frozen = !fails;
    if (store.frozen && n == dr_node) w.at(heir(w)).store.has_all = true;
    w.at(n).due.store.push(fails ? Kind::freeze_failed : Kind::frozen);
}

/// Could the store of node `n` tell a client "committed" now?
bool Run::able(unsigned n) const
{
    const Store& store = w.at(n).store;
    if (store.state != Store::State::primary || store.frozen) return false;
    return !store.sync || store.sync_owed || is_mirrored(w, n);
}

/// Once per step of time the stores notice what became of their connection.
void Run::notice_streams()
{
    for (unsigned n = 0; n < w.nodes(); ++n) {
        Side& side = w.at(n);
        Store& store = side.store;
        if (std::exchange(store.lost, false) && side.alive) side.due.store.push(Kind::lost_peer);
        const bool wants = store.state == Store::State::following && store.op == Op::none;
        if (store.streaming || !wants || !can_stream(w, n)) continue;
        store.streaming = true;
        side.due.store.push(Kind::following);
    }
}

/// What goes on by itself all the time: replication, and clients that commit whenever they can.
void Run::settle_stores()
{
    for (unsigned n = 0; n < w.nodes(); ++n) {
        Store& store = w.at(n).store;
        const bool wants = store.state == Store::State::following && store.op == Op::none;
        if (!store.streaming || (wants && can_stream(w, n))) continue;
        store.streaming = false;
        store.lost = wants;
        Store& source = w.at(source_of(w, n)).store;
        source.lost |= source.sync && n != dr_node;
    }
    for (unsigned n = 0; n < w.nodes(); ++n)
        if (able(n)) commit(n);
}

/// A peer that every commit waits for has it too, nobody else.
void Run::commit(unsigned n)
{
    const Store& store = w.at(n).store;
    const bool waits = store.sync && !store.sync_owed;
    for (unsigned other = 0; other < w.nodes(); ++other)
        if (other != n && !(waits && other == 1 - n)) w.at(other).store.has_all = false;
}

} // namespace roleswap::explore
