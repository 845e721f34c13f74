#include "world.hpp"
#include <algorithm>

namespace roleswap::sim {

using Kind = core::StoreEvent::Kind;

/// Answers of one store arrive in order; what an older order has not answered yet is never
/// answered (as in ManagedStore).
void World::answer(unsigned n, Kind kind, Micros delay)
{
    Store& store = nodes_[n].store;
    store.answered_at = std::max(store.answered_at, now_ + delay);
    const core::StoreEvent event{kind, {store.log.size() + 1}};
    at(store.answered_at, [this, n, event, op = store.op, generation = nodes_[n].generation] {
        if (!nodes_[n].alive || nodes_[n].generation != generation) return;
        act(n, [this, n, event, op] {
            if (nodes_[n].store.op != op) return;
            if (event.kind == Kind::primary) nodes_[n].store.may_lead = false;
            step(n, event);
        });
    });
}

bool World::can_stream(unsigned n) const
{
    return networks_open() && nodes_[1 - n].store.state == Store::State::primary;
}

bool World::is_prefix(unsigned n) const
{
    const auto& mine = nodes_[n].store.log;
    const auto& theirs = nodes_[1 - n].store.log;
    if (mine.size() > theirs.size()) return false;
    return mine.empty() || theirs[mine.size() - 1] == mine.back();
}

void World::follow(unsigned n)
{
    Store& store = nodes_[n].store;
    if (store.state == Store::State::primary) violate("a primary was told to follow");
    store.streaming = false;
    store.want_follow = true;
    store.may_lead = false;
    later(rng_.between(5, 60) * ms, [this, n, op = ++store.op] { try_follow(n, op); });
}

void World::try_follow(unsigned n, std::uint64_t op)
{
    Store& store = nodes_[n].store;
    if (store.op != op) return;
    if (!can_stream(n)) {
        if (!store.broken) store.state = Store::State::following;
        later(100 * ms, [this, n, op] { try_follow(n, op); });
        return;
    }
    if (!store.broken && is_prefix(n)) return attach(n);
    store.broken = true;
    store.state = Store::State::down;
    const Micros longest = 3 * settings_.takeover_delay * ms / 2;
    later(rng_.between(50 * ms, longest), [this, n, op] { copied(n, op); });
}

void World::copied(unsigned n, std::uint64_t op)
{
    Store& store = nodes_[n].store;
    if (store.op != op) return;
    if (!can_stream(n)) return try_follow(n, op);
    store.log = nodes_[1 - n].store.log;
    store.broken = false;
    attach(n);
}

void World::attach(unsigned n)
{
    nodes_[n].store.state = Store::State::following;
    nodes_[n].store.streaming = true;
    answer(n, Kind::following, rng_.between(1, 20) * ms);
}

void World::lead(unsigned n)
{
    Store& store = nodes_[n].store;
    store.want_follow = false;
    later(rng_.between(15, 120) * ms, [this, n, op = ++store.op] { led(n, op); });
}

void World::led(unsigned n, std::uint64_t op)
{
    Store& store = nodes_[n].store;
    if (store.op != op) return;
    store.streaming = store.sync = store.sync_owed = store.freezing = store.frozen = false;
    if (store.broken || nodes_[n].lead_fails || (!healed_ && rng_.chance(10))) {
        store.state = Store::State::down;
        return failed(n, 1 * ms);
    }
    store.state = Store::State::primary;
    store.may_lead = true;
    if (acked_at_ > 0 && (store.log.size() < acked_at_ || store.log[acked_at_ - 1] != acked_id_))
        return violate("I2: the new master lacks an acknowledged commit");
    answer(n, Kind::primary, rng_.between(1, 10) * ms);
}

void World::stop(unsigned n)
{
    Store& store = nodes_[n].store;
    store.want_follow = false;
    later(rng_.between(1, 25) * ms, [this, n, op = ++store.op] {
        Store& stopped = nodes_[n].store;
        if (stopped.op != op) return;
        stopped.state = Store::State::down;
        stopped.streaming = stopped.sync = stopped.freezing = stopped.frozen = false;
        answer(n, Kind::stopped, 1 * ms);
    });
}

void World::set_mode(unsigned n, core::Mode mode)
{
    Store& store = nodes_[n].store;
    later(rng_.between(1, 6) * ms, [this, n, mode, op = store.op] {
        Store& s = nodes_[n].store;
        if (s.op != op || s.state != Store::State::primary) return;
        s.sync = s.sync_owed = mode == core::Mode::mirrored;
        s.sync_at = s.log.size();
        if (mode == core::Mode::alone) answer(n, Kind::alone, 1 * ms);
    });
}

void World::store_dies(unsigned n)
{
    Store& store = nodes_[n].store;
    if (!nodes_[n].alive || store.state == Store::State::down) return;
    store.op++;
    store.state = Store::State::down;
    store.want_follow = store.streaming = store.sync = store.freezing = store.frozen = false;
    failed(n, rng_.between(1, 30) * ms);
}

/// Whoever hears of a death has heard before that the store led, if it did.
void World::failed(unsigned n, Micros delay)
{
    if (nodes_[n].store.may_lead) answer(n, Kind::primary, delay);
    answer(n, Kind::failed, delay);
}

/// Writers and replication, every few milliseconds.
void World::pump()
{
    for (unsigned n = 0; n < 2; ++n) {
        commit(n);
        replicate(n);
    }
    for (unsigned n = 0; n < 2; ++n) acknowledge(n);
    later(10 * ms, [this] { pump(); });
}

void World::commit(unsigned n)
{
    Store& store = nodes_[n].store;
    if (store.state != Store::State::primary || store.freezing || !rng_.chance(300)) return;
    store.log.push_back(next_commit_++);
}

/// Node `n` as standby takes what its primary has.
void World::replicate(unsigned n)
{
    Store& store = nodes_[n].store;
    if (store.state != Store::State::following || !store.want_follow) {
        store.streaming = false;
        return;
    }
    if (store.streaming && !can_stream(n)) {
        store.streaming = false;
        answer(n, Kind::lost_peer, rng_.between(1, 50) * ms);
        if (nodes_[1 - n].store.sync) answer(1 - n, Kind::lost_peer, rng_.between(1, 50) * ms);
    } else if (!store.streaming && can_stream(n) && is_prefix(n) && rng_.chance(200)) {
        attach(n);
    }
    if (!store.streaming || rng_.chance(300)) return;
    const auto& source = nodes_[1 - n].store.log;
    for (std::size_t i = store.log.size(); i < source.size(); ++i) store.log.push_back(source[i]);
}

void World::acknowledge(unsigned n)
{
    Store& store = nodes_[n].store;
    if (store.state != Store::State::primary) return;
    const Store& mirror = nodes_[1 - n].store;
    const bool held = mirror.streaming && mirror.log.size() >= store.log.size();
    if (store.freezing && !store.frozen && (held || !store.sync)) {
        store.frozen = !rng_.chance(50);
        store.freezing = store.frozen;
        answer(n, store.frozen ? Kind::frozen : Kind::freeze_failed, 1 * ms);
    }
    if (store.sync && store.sync_owed && mirror.streaming && mirror.log.size() >= store.sync_at) {
        store.sync_owed = false;
        answer(n, Kind::in_sync, rng_.between(1, 20) * ms);
    }
    std::size_t target = store.log.size();
    if (store.sync) target = mirror.streaming ? std::min(target, mirror.log.size()) : store.acked;
    if (target <= store.acked) return;
    if (acked_at_ > 0 && (target < acked_at_ || store.log[acked_at_ - 1] != acked_id_))
        return violate("I1: a commit was acknowledged beside the line of acknowledged ones");
    store.acked = target;
    acked_at_ = target;
    acked_id_ = store.log[target - 1];
    outcome_.commits++;
}

} // namespace roleswap::sim
