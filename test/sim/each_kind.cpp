#include "world.hpp"
#include <algorithm>
#include <utility>

/// Each kind of fault, in each world that has the part.
namespace roleswap::sim {

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
    for (const Fault fault : {Fault::witness_slow, Fault::witness_dead, Fault::witness_cut,
                              Fault::fence_refusal, Fault::fence_time_out})
        if (needed(fault)) phase(fault, unsigned(rng_.below(2)), when(), duration());
    if (shape_.witness) at(when(), [this] { wipe_witness(); });
    if (shape_.guard) at(when(), [this] { guard_dies_some(); });
    if (shape_.serial) cut(0b10001000, when(), duration());
    at(15 * second, [this] { provoke_missing(); });
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
    auto awake = [this](unsigned n) {
        return nodes_[n].alive && !nodes_[n].frozen && is_guarded(n);
    };
    unsigned n = unsigned(rng_.below(2));
    if (!awake(n)) n = 1 - n;
    if (!awake(n)) return later(20 * ms, [this, duration] { freeze_some(duration); });
    freeze(n, duration);
}

void World::guard_dies_some()
{
    auto runs = [this](unsigned n) {
        return nodes_[n].alive && !nodes_[n].frozen && is_guarded(n);
    };
    unsigned n = unsigned(rng_.below(2));
    if (!runs(n)) n = 1 - n;
    if (!runs(n)) return later(20 * ms, [this] { guard_dies_some(); });
    guard_dies(n);
}

void World::breaks(Micros when, std::function<void()> what)
{
    at(when, [this, what = std::move(what)] {
        if (!healed_) what();
    });
}

void World::phase(Fault fault, unsigned n, Micros when, Micros length)
{
    // Of a thing that both nodes share there is one.
    const unsigned whose = fault == Fault::witness_cut ? n : 0;
    breaks(when, [this, fault, whose, length] {
        broken_[std::size_t(fault)][whose]++;
        later(length, [this, fault, whose] { end_phase(fault, whose); });
    });
}

void World::end_phase(Fault fault, unsigned n)
{
    int& phases = broken_[std::size_t(fault)][n];
    if (phases == 0) return; // healed meanwhile
    if (phases > 1 || had(fault)) {
        phases--;
        return;
    }
    provoke();
    later(50 * ms, [this, fault, n] { end_phase(fault, n); });
}

/// Losing a node makes the other one write, ask the witness, ask the fence.
void World::provoke()
{
    const Micros delay = settings_.takeover_delay * ms;
    if (now_ < provoked_at_) return;
    provoked_at_ = now_ + 5 * delay + second;
    for (unsigned n = 0; n < 2; ++n) {
        if (nodes_[n].core.role != core::Role::master || !rng_.chance(600)) continue;
        // A standby on hold asks nobody for the role; its master wants to go on without it.
        return fail(nodes_[1 - n].core.hold ? 1 - n : n, true, 5 * delay / 2);
    }
    crash_some(true, 5 * delay / 2);
}

/// A stall that nothing is written into is none, and so on.
void World::provoke_missing()
{
    if (had_all()) return;
    const bool wiped = !needed(Fault::witness_wiped) || had(Fault::witness_wiped);
    if (!had(Fault::disk_stall) || !wiped) provoke();
    if (needed(Fault::serial_cut) && !had(Fault::serial_cut)) {
        cut_[serial_link] = {1, 1};
        later(3 * settings_.heartbeat * ms, [this] { cut_[serial_link] = {}; });
    }
    later(500 * ms, [this] { provoke_missing(); });
}

/// The phase goes on until each kind has come to a node that could notice.
void World::end_rough()
{
    rough_ = !had(Fault::loss) || !had(Fault::delay) || !had(Fault::reordering);
    if (rough_) later(50 * ms, [this] { end_rough(); });
}

} // namespace roleswap::sim
