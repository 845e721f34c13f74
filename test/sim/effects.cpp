#include "world.hpp"
#include <algorithm>
#include <utility>

namespace roleswap::sim {

void World::carry_out(unsigned n, const core::Effect& effect)
{
    SimNode& node = nodes_[n];
    if (const auto* e = std::get_if<core::Send>(&effect)) return send(n, e->message);
    if (const auto* e = std::get_if<core::Persist>(&effect)) return persist(n, *e);
    if (const auto* e = std::get_if<core::StoreMode>(&effect)) return set_mode(n, e->mode);
    if (const auto* e = std::get_if<core::Reply>(&effect)) return reply(n, *e);
    if (const auto* e = std::get_if<core::Notify>(&effect)) return count(e->what);
    if (const auto* e = std::get_if<core::WitnessAsk>(&effect)) return ask_witness(n, *e);
    if (const auto* e = std::get_if<core::FencePeer>(&effect)) return fence_peer(n, e->ticket);
    if (const auto* e = std::get_if<core::ExtendGuard>(&effect)) return extend_guard(n, e->until);
    if (std::holds_alternative<core::StoreFollow>(effect)) return follow(n);
    if (std::holds_alternative<core::StoreLead>(effect)) return lead(n);
    if (std::holds_alternative<core::StoreStop>(effect)) return stop(n);
    if (std::holds_alternative<core::WorkKill>(effect)) return kill_tasks(n);
    if (std::holds_alternative<core::Probe>(effect)) return probe(n);
    if (std::holds_alternative<core::StoreFreeze>(effect)) node.store.freezing = true;
    if (std::holds_alternative<core::WorkStart>(effect)) node.tasks = true;
    if (std::holds_alternative<core::StoreThaw>(effect)) {
        node.store.freezing = node.store.frozen = false;
        answer(n, core::StoreEvent::Kind::thawed, rng_.between(1, 5) * ms);
    }
}

void World::count(std::string_view what)
{
    outcome_.takeovers += what == "takeover";
    outcome_.handovers += what == "handover_done";
    outcome_.undone += what == "handover_undone";
    outcome_.fenced += what == "self_fence";
    outcome_.went_alone += what == "mode_alone";
}

/// On all links at once; usually the first copy matters, now and then an old one comes later.
void World::send(unsigned n, const core::Message& message)
{
    check_sent(n, message);
    const unsigned peer = 1 - n;
    // After a message that was lost one gets through at once: silence on every link while nobody
    // is off the LAN is the stated unsafe case, so it comes with --unsafe only.
    bool& spare = nodes_[n].lost_last;
    const bool rough = rough_ && !spare;
    const bool lost = rough && rng_.chance(rough_loss_permille_);
    const Micros hold = rough && !lost && rng_.chance(500) ? rng_.below(rough_hold_) : 0;
    spare = lost;
    Micros first = 0;
    for (std::size_t l = 0; l < link_count; ++l) {
        const auto& link = cut_[l];
        if (l == serial_link && !shape_.serial) continue;
        if (l == serial_link && link[n] > 0) happened(Fault::serial_cut);
        if (link[n] > 0 || lost || rng_.chance(loss_permille_)) continue;
        Micros delay = hold + rng_.between(100, 2000);
        if (rng_.chance(20)) delay += rng_.below(60) * ms;
        if (rng_.chance(3)) delay += rng_.below(3000) * ms;
        const bool copy = rng_.chance(50);
        if (first == 0 || delay < first) first = delay;
        if (copy) {
            at(now_ + delay + rng_.below(100) * ms, [this, peer, message] {
                if (nodes_[peer].alive) give(peer, core::Heard{message});
            });
        }
    }
    if (first == 0) {
        if (open(n) && nodes_[peer].alive && !nodes_[peer].frozen) happened(Fault::loss);
        return;
    }
    const bool late = first > 10 * ms;
    at(now_ + first, [this, peer, message, late] { arrive(peer, message, late); });
}

void World::arrive(unsigned n, const core::Message& message, bool late)
{
    SimNode& node = nodes_[n];
    if (!node.alive) return;
    if (!node.frozen) {
        const std::pair<std::uint64_t, std::uint64_t> order{message.boot, message.sequence};
        if (late) happened(Fault::delay);
        if (order < node.newest) happened(Fault::reordering);
        node.newest = std::max(node.newest, order);
    }
    give(n, core::Heard{message});
}

void World::persist(unsigned n, const core::Persist& effect)
{
    SimNode& node = nodes_[n];
    Micros cost = rng_.between(200, 4000);
    if (!healed_ && rng_.chance(30)) cost += rng_.below(800) * ms;
    if (stall_next_ > 0) node.disk_slow_until = now_ + std::exchange(stall_next_, 0);
    if (now_ < node.disk_slow_until) {
        happened(Fault::disk_stall);
        cost += rng_.between(100, 2500) * ms;
    }
    node.disk_free_at = std::max(node.disk_free_at, now_) + cost;
    node.writes.push_back({effect.record, effect.ticket});
    at(node.disk_free_at, [this, n, generation = node.generation] { written(n, generation); });
}

void World::written(unsigned n, std::uint32_t generation)
{
    SimNode& node = nodes_[n];
    if (!node.alive || node.generation != generation || node.writes.empty()) return;
    const DiskWrite write = node.writes.front();
    node.writes.pop_front();
    check_written(n, write.record);
    node.disk = write.record;
    input(n, now_ + rng_.below(2) * ms, core::Persisted{write.ticket});
}

void World::kill_tasks(unsigned n)
{
    const auto op = ++nodes_[n].kill_op;
    later(rng_.between(1, 12) * ms, [this, n, op] {
        if (nodes_[n].kill_op != op) return;
        nodes_[n].tasks = false;
        nodes_[n].excused = nodes_[n].excused && nodes_[n].frozen;
        input(n, now_ + rng_.below(2) * ms, core::TasksDead{});
    });
}

/// Asked and answered while the LAN is the same: a change in between loses the answer.
void World::probe(unsigned n)
{
    using Kind = core::ProbeAnswer::Kind;
    auto reaches = [this, n] { return nodes_[n].lan && (options_.unsafe || isolated_ != int(n)); };
    const bool before = reaches();
    later(rng_.between(1, 15) * ms, [this, n, before, reaches] {
        input(n, now_, core::ProbeAnswer{before && reaches() ? Kind::reached : Kind::none_reached});
    });
}

/// The only command with an end in the world is leave: its daemon exits and is started again.
void World::reply(unsigned n, const core::Reply& reply)
{
    SimNode& node = nodes_[n];
    if (!node.core.leaving || reply.kind != core::Reply::Kind::done || node.core.owed_leave) return;
    if (node.tasks || node.store.state == Store::State::primary)
        return violate("leave was answered while the store or a task still lived");
    later(0, [this, n, generation = node.generation] {
        const Micros down = healed_ ? 50 * ms : rng_.between(100, 3000) * ms;
        if (nodes_[n].generation == generation) crash(n, true, down);
    });
}

} // namespace roleswap::sim
