#include "world.hpp"
#include <algorithm>

namespace roleswap::sim {

/// Between the first seconds, in which the pair forms, and the healing.  Most faults come in
/// groups: what breaks a protocol is the second fault in the middle of the answer to the first.
void World::plan()
{
    const auto groups = rng_.between(1, 6);
    for (std::uint64_t i = 0; i < groups; ++i) {
        const Micros start = rng_.between(1500, 17000) * ms;
        const Micros width = rng_.between(1, 4) * settings_.takeover_delay * ms / 2;
        const auto faults = rng_.between(1, rng_.chance(200) ? 12 : 4);
        for (std::uint64_t k = 0; k < faults; ++k) plan_one(start + rng_.below(width));
    }
    if (rng_.chance(500)) loss_permille_ = rng_.below(300);
    plan_each_kind();
}

/// Chance alone leaves many worlds without one kind of fault or another.
void World::plan_each_kind()
{
    const Micros delay = settings_.takeover_delay * ms;
    const Micros together = rng_.chance(300) ? rng_.between(1500, 12000) * ms : 0;
    auto when = [&] {
        return together > 0 ? together + rng_.below(2 * delay) : rng_.between(1000, 14000) * ms;
    };
    auto duration = [&] {
        return rng_.between(delay / 20, rng_.chance(600) ? 3 * delay / 2 : 3 * delay);
    };
    rough_loss_permille_ = rng_.between(50, 400);
    rough_hold_ = rng_.between(2 * settings_.heartbeat * ms, delay / 3);
    const Micros rough = when();
    at(rough, [this] { rough_ = true; });
    at(rough + rng_.between(300, 4000) * ms, [this] { end_rough(); });
    at(when(), [this, host = rng_.chance(500), down = duration()] { crash_some(host, down); });
    at(when(), [this, length = duration()] { freeze_some(length); });
    // In the first second the pair forms, which writes in any case.
    const Micros stall = rng_.chance(300) ? rng_.below(800) * ms : when();
    at(stall, [this, length = duration()] { stall_next_ = length; });
    at(std::max(stall, 14 * second), [this] { provoke_write(); });
}

/// Daemon or host of a node that is alive, as soon as there is one.
void World::crash_some(bool host, Micros down)
{
    unsigned n = unsigned(rng_.below(2));
    if (!nodes_[n].alive) n = 1 - n;
    if (!nodes_[n].alive) return later(20 * ms, [this, host, down] { crash_some(host, down); });
    fail(n, host, down);
}

/// A crash that nobody asked for, unlike the end of a daemon that leaves.
void World::fail(unsigned n, bool host, Micros down)
{
    if (nodes_[n].alive) happened(Fault::crash);
    crash(n, host, down);
}

void World::freeze_some(Micros duration)
{
    auto awake = [this](unsigned n) { return nodes_[n].alive && !nodes_[n].frozen; };
    unsigned n = unsigned(rng_.below(2));
    if (!awake(n)) n = 1 - n;
    if (!awake(n)) return later(20 * ms, [this, duration] { freeze_some(duration); });
    freeze(n, duration);
}

/// A stall that nothing is written into is none: losing a node makes the other one write.
void World::provoke_write()
{
    if (had(Fault::disk_stall)) return;
    if (!healed_) crash_some(true, 2 * settings_.takeover_delay * ms);
    later(2 * settings_.takeover_delay * ms + second, [this] { provoke_write(); });
}

/// The phase goes on until each kind has come to a node that could notice.
void World::end_rough()
{
    rough_ = !had(Fault::loss) || !had(Fault::delay) || !had(Fault::reordering);
    if (rough_) later(50 * ms, [this] { end_rough(); });
}

void World::plan_one(Micros when)
{
    switch (rng_.below(4)) {
    case 0:
        return plan_cut(when);
    case 1:
        return plan_node(when);
    case 2:
        return plan_store(when);
    default:
        return plan_command(when);
    }
}

void World::plan_cut(Micros when)
{
    const Micros delay = settings_.takeover_delay * ms;
    const Micros duration = rng_.between(delay / 20, rng_.chance(600) ? 3 * delay / 2 : 5 * delay);
    // Bits 0-2: the links from first to second; 3-5: back.
    static constexpr unsigned masks[] = {0b001001, 0b011011, 0b111111, 0b111111,
                                         0b111000, 0b000111, 0b100010};
    cut(masks[rng_.below(std::size(masks))], when, duration);
    if (rng_.chance(300)) {
        const unsigned n = unsigned(rng_.below(2));
        at(when + rng_.below(500) * ms, [this, n] { nodes_[n].lan = false; });
        at(when + duration + rng_.below(2000) * ms, [this, n] { nodes_[n].lan = true; });
    }
}

void World::cut(unsigned mask, Micros when, Micros duration)
{
    for (unsigned bit = 0; bit < 6; ++bit) {
        if ((mask >> bit & 1U) == 0) continue;
        const Micros skew = rng_.chance(300) ? rng_.below(400) * ms : 0;
        int& direction = cut_[bit % 3][bit / 3];
        at(when + skew, [this, &direction] {
            direction++;
            update_isolation();
        });
        at(when + skew + duration, [this, &direction] {
            if (direction > 0) direction--;
            update_isolation();
        });
    }
}

void World::plan_node(Micros when)
{
    const unsigned n = unsigned(rng_.below(2));
    const Micros delay = settings_.takeover_delay * ms;
    const Micros duration = rng_.between(delay / 50, rng_.chance(600) ? 3 * delay / 2 : 5 * delay);
    switch (rng_.below(4)) {
    case 0:
        at(when, [this, n, duration] { fail(n, true, duration); });
        if (rng_.chance(200)) // a power cut of both
            at(when + rng_.below(300) * ms, [this, n, duration] { fail(1 - n, true, duration); });
        return;
    case 1:
        return at(when, [this, n, duration] { fail(n, false, duration); });
    case 2:
        return at(when, [this, n, duration] { freeze(n, duration); });
    default:
        return at(when, [this, n, duration] { nodes_[n].disk_slow_until = now_ + duration; });
    }
}

void World::plan_store(Micros when)
{
    const unsigned n = unsigned(rng_.below(2));
    if (rng_.chance(700)) return at(when, [this, n] { store_dies(n); });
    at(when, [this, n] {
        nodes_[n].lead_fails = true;
        if (rng_.chance(500)) store_dies(n);
    });
    at(when + rng_.below(4000) * ms, [this, n] { nodes_[n].lead_fails = false; });
}

void World::plan_command(Micros when)
{
    using Order = core::Command::Kind;
    static constexpr Order kinds[] = {
        Order::hand_over, Order::hand_over,     Order::hand_over,
        Order::activate,  Order::rejoin,        Order::leave,
        Order::leave,     Order::hold_takeover, Order::release_takeover};
    const Order kind = kinds[rng_.below(std::size(kinds))];
    const unsigned node = unsigned(rng_.below(2));
    at(when, [this, kind, node] {
        // A hand-over is for the master only; most of them should get further than a refusal.
        unsigned n = node;
        if (kind == Order::hand_over && nodes_[1 - n].core.role == core::Role::master) n = 1 - n;
        if (nodes_[n].alive) give(n, core::Command{next_command_++, kind, "drill"});
    });
}

void World::heal()
{
    healed_ = true;
    cut_ = {};
    update_isolation();
    loss_permille_ = 0;
    for (unsigned n = 0; n < 2; ++n) {
        SimNode& node = nodes_[n];
        node.lan = true;
        node.lead_fails = false;
        node.disk_slow_until = 0;
        if (node.alive)
            give(n, core::Command{next_command_++, core::Command::Kind::release_takeover, {}});
    }
}

/// Some link brings messages from node `from` to its peer.
bool World::open(unsigned from) const
{
    for (const auto& link : cut_)
        if (link[from] == 0) return true;
    return false;
}

/// Where no message can get through at least one node is off the LAN; both sides of a cut never
/// reach a probe.
void World::update_isolation()
{
    if (connected())
        isolated_ = -1;
    else if (isolated_ < 0)
        isolated_ = int(rng_.below(2));
}

} // namespace roleswap::sim
