#include "world.hpp"
#include <algorithm>
#include <utility>

/// The process that ends the work of a daemon that does not run.
namespace roleswap::sim {

using Told = core::GuardEvent::Kind;

void World::start_guard(unsigned n)
{
    SimNode& node = nodes_[n];
    if (!node.alive || node.guard_up) return;
    node.guard_up = true;
    node.fired = node.fired_unseen = false;
    node.deadline = core::ExtendGuard::never; // of its own; the daemon tells it
    give(n, core::GuardEvent{Told::ready});
}

/// The daemon starts another one.  Both failing within one lease is a stated limit, so a daemon
/// does not freeze before it has told the new one (freeze()).
void World::guard_dies(unsigned n)
{
    SimNode& node = nodes_[n];
    happened(Fault::guard_death);
    if (options_.trace) note(n, "*", "the guard dies");
    node.guard_up = false;
    const auto generation = node.generation;
    later(rng_.between(100, 2000), [this, n, generation] {
        if (nodes_[n].generation == generation) give(n, core::GuardEvent{Told::lost});
    });
    later(rng_.between(50, 150) * ms, [this, n, generation] {
        if (nodes_[n].generation == generation) start_guard(n);
    });
}

void World::extend_guard(unsigned n, core::Ticks until)
{
    SimNode& node = nodes_[n];
    // A deadline that has passed is too late to be moved.
    if (!node.guard_up || node.fired_unseen) return;
    node.deadline = until;
    watch_deadline(n);
    if (std::exchange(node.fired, false)) input(n, now_, core::GuardEvent{Told::ready});
}

/// One look per deadline: an extended one is looked at when the former would have passed.
void World::watch_deadline(unsigned n)
{
    SimNode& node = nodes_[n];
    if (node.deadline_watched || node.deadline == core::ExtendGuard::never) return;
    node.deadline_watched = true;
    const Micros when = node.boot_at + node.deadline * ms * 1000000 / node.rate_ppm + 1;
    at(std::max(when, now_), [this, n, generation = node.generation] {
        SimNode& now = nodes_[n];
        if (!now.alive || now.generation != generation) return;
        now.deadline_watched = false;
        const core::Ticks clock = (now_ - now.boot_at) * now.rate_ppm / 1000000 / ms;
        if (now.deadline == core::ExtendGuard::never || !now.guard_up) return;
        if (clock < now.deadline) return watch_deadline(n);
        fire(n);
    });
}

/// The kernel is told at once; the last process is gone a little later.
void World::fire(unsigned n)
{
    SimNode& node = nodes_[n];
    outcome_.guard_fired++;
    if (options_.trace) note(n, "*", "the guard fires");
    node.deadline = core::ExtendGuard::never;
    node.fired = node.fired_unseen = true;
    const auto generation = node.generation;
    later(rng_.between(100, 8000), [this, n, generation] {
        if (nodes_[n].generation != generation) return;
        nodes_[n].tasks = false;
        store_dies(n);
    });
    act(n, [] {}); // elapse() looks at the guard first
}

} // namespace roleswap::sim
