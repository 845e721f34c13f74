#include "world.hpp"
#include <algorithm>

namespace roleswap::sim {

/// Between the first seconds, in which the pair forms, and the healing.  Most faults come in
/// groups: what breaks a protocol is the second fault in the middle of the answer to the first.
void World::plan()
{
    const auto groups = rng_.between(1, 6);
    for (std::uint64_t i = 0; i <= groups; ++i) {
        const Micros width = rng_.between(1, 4) * settings_.takeover_delay * ms / 2;
        // The last one strikes before everything is healed.
        const Micros start = i == groups ? faults_end - width : rng_.between(1500, 17000) * ms;
        const auto faults = rng_.between(1, rng_.chance(200) ? 12 : 4);
        for (std::uint64_t k = 0; k < faults; ++k) plan_one(start + rng_.below(width));
    }
    if (rng_.chance(500)) loss_permille_ = rng_.below(300);
    plan_each_kind();
}

void World::plan_one(Micros when)
{
    const bool third = shape_.witness || shape_.fence || shape_.guard;
    switch (rng_.below(third ? 5 : 4)) {
    case 0:
        return plan_cut(when);
    case 1:
        return plan_node(when);
    case 2:
        return plan_store(when);
    case 3:
        return plan_command(when);
    default:
        return plan_third(when);
    }
}

Micros World::fault_length()
{
    const Micros delay = settings_.takeover_delay * ms;
    return rng_.between(delay / 20, rng_.chance(600) ? 3 * delay / 2 : 5 * delay);
}

void World::plan_third(Micros when)
{
    const auto kind = rng_.below(3);
    if (kind == 0 && shape_.guard) return breaks(when, [this] { guard_dies_some(); });
    if (shape_.witness && (kind == 1 || !shape_.fence)) return plan_witness(when);
    if (!shape_.fence) return;
    const Fault fault = rng_.chance(500) ? Fault::fence_refusal : Fault::fence_time_out;
    phase(fault, 0, when, fault_length());
}

void World::plan_witness(Micros when)
{
    static constexpr Fault faults[] = {Fault::witness_slow, Fault::witness_dead, Fault::witness_cut,
                                       Fault::witness_cut};
    if (rng_.chance(100)) return breaks(when, [this] { wipe_witness(); });
    phase(faults[rng_.below(std::size(faults))], unsigned(rng_.below(2)), when, fault_length());
}

void World::plan_cut(Micros when)
{
    const Micros duration = fault_length();
    // One bit per link from first to second, then back; the last of four is the serial one.
    static constexpr unsigned masks[] = {0b00010001, 0b00110011, 0b01110111, 0b11111111, 0b11111111,
                                         0b11110000, 0b00001111, 0b10001000, 0b00100010};
    cut(masks[rng_.below(std::size(masks))], when, duration);
    if (rng_.chance(300)) {
        const unsigned n = unsigned(rng_.below(2));
        breaks(when + rng_.below(500) * ms, [this, n] { nodes_[n].lan = false; });
        at(when + duration + rng_.below(2000) * ms, [this, n] { nodes_[n].lan = true; });
    }
    // Who loses its network loses the witness with it, more often than not.
    if (shape_.witness && rng_.chance(500))
        phase(Fault::witness_cut, unsigned(rng_.below(2)), when, duration);
}

void World::cut(unsigned mask, Micros when, Micros duration)
{
    for (unsigned bit = 0; bit < 2 * link_count; ++bit) {
        if ((mask >> bit & 1U) == 0) continue;
        const Micros skew = rng_.chance(300) ? rng_.below(400) * ms : 0;
        int& direction = cut_[bit % link_count][bit / link_count];
        breaks(when + skew, [this, &direction] {
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
        breaks(when, [this, n, duration] { fail(n, true, duration); });
        if (rng_.chance(200)) // a power cut of both
            breaks(when + rng_.below(300) * ms,
                   [this, n, duration] { fail(1 - n, true, duration); });
        return;
    case 1:
        return breaks(when, [this, n, duration] { fail(n, false, duration); });
    case 2:
        return breaks(when, [this, n, duration] { freeze(n, duration); });
    default:
        return breaks(when, [this, n, duration] { nodes_[n].disk_slow_until = now_ + duration; });
    }
}

void World::plan_store(Micros when)
{
    const unsigned n = unsigned(rng_.below(2));
    if (rng_.chance(700)) return breaks(when, [this, n] { store_dies(n); });
    breaks(when, [this, n] {
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
    breaks(when, [this, kind, node] {
        // A hand-over is for the master only; most of them should get further than a refusal.
        unsigned n = node;
        if (kind == Order::hand_over && nodes_[1 - n].core.role == core::Role::master) n = 1 - n;
        if (nodes_[n].alive) give(n, core::Command{next_command_++, kind, "drill"});
    });
}

/// Some link brings messages from node `from` to its peer.
bool World::open(unsigned from) const
{
    for (std::size_t l = 0; l < link_count; ++l)
        if (cut_[l][from] == 0 && (l != serial_link || shape_.serial)) return true;
    return false;
}

/// The stores have a network in common.
bool World::networks_open() const
{
    std::array<bool, 2> open{};
    for (std::size_t l = 0; l < serial_link; ++l)
        for (unsigned from = 0; from < 2; ++from) open[from] = open[from] || cut_[l][from] == 0;
    return open[0] && open[1];
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
