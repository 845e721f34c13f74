#include "world.hpp"
#include "trace.hpp"
#include <algorithm>

namespace roleswap::sim {
namespace {

constexpr Micros faults_end = 20 * second;
constexpr Micros limit = 45 * second;
constexpr Micros pump_period = 10 * ms;

} // namespace

World::World(const Options& options) : options_(options), rng_(options.seed * 7919 + 17)
{
    outcome_.hash = 0xcbf29ce484222325U;
    settings_.takeover_delay = rng_.chance(700) ? 1000 : rng_.between(300, 3000);
    settings_.heartbeat =
        std::min<core::Ticks>(rng_.between(30, 100), settings_.takeover_delay / 10);
    settings_.probes_configured = rng_.chance(850);
    settings_.sabotage = options.sabotage;
    outcome_.probes = settings_.probes_configured;
    nodes_[0].disk = {1, core::Node::first, core::Mode::alone};
    for (auto& node : nodes_) {
        node.rate_ppm = rng_.between(998000, 1002000);
        node.boots = rng_.below(3);
        node.written.push_back(node.disk);
    }
}

void World::at(Micros when, std::function<void()> what)
{
    queue_.push({when, ++order_, std::move(what)});
}

Outcome World::run()
{
    for (unsigned n = 0; n < 2; ++n) at(rng_.below(800) * ms, [this, n] { boot(n); });
    at(pump_period, [this] { pump(); });
    plan();
    at(faults_end, [this] { heal(); });
    while (!queue_.empty() && outcome_.violation.empty()) {
        // The handler may push, so it leaves the queue first.
        Event event = std::move(const_cast<Event&>(queue_.top()));
        queue_.pop();
        now_ = event.at;
        if (now_ > limit)
            violate("I6: no convergence after all faults healed");
        else
            event.what();
        check();
        if (healed_ && now_ > faults_end + second && !rough_ && converged()) break;
    }
    return outcome_;
}

void World::input(unsigned n, Micros when, core::Input what)
{
    at(when, [this, n, generation = nodes_[n].generation, what = std::move(what)] {
        if (nodes_[n].alive && nodes_[n].generation == generation) give(n, what);
    });
}

void World::give(unsigned n, const core::Input& what)
{
    if (nodes_[n].frozen) {
        nodes_[n].inbox.push_back(what);
        return;
    }
    elapse(n);
    step(n, what);
}

void World::elapse(unsigned n)
{
    SimNode& node = nodes_[n];
    const core::Ticks local = (now_ - node.boot_at) * node.rate_ppm / 1000000 / ms;
    if (node.alive && local > node.core.now) step(n, core::Elapsed{local - node.core.now});
}

void World::step(unsigned n, const core::Input& what)
{
    SimNode& node = nodes_[n];
    if (!node.alive) return;
    mix(now_ * 2 + n);
    mix(what.index());
    if (options_.trace && what.index() != 0) note(n, "<", describe(what));
    const std::uint32_t generation = node.generation;
    const core::Effects effects = core::step(node.core, what);
    for (const auto& effect : effects) {
        if (!node.alive || node.generation != generation) return;
        mix(effect.index());
        if (options_.trace) note(n, ">", describe(effect));
        carry_out(n, effect);
    }
    mix(static_cast<std::uint64_t>(node.core.role) + 16 * node.core.record.epoch);
}

void World::tick(unsigned n, std::uint32_t generation)
{
    SimNode& node = nodes_[n];
    if (!node.alive || node.generation != generation) return;
    if (!node.frozen) elapse(n);
    later(settings_.heartbeat * ms - rng_.below(5) * ms,
          [this, n, generation] { tick(n, generation); });
}

void World::boot(unsigned n)
{
    SimNode& node = nodes_[n];
    if (node.alive) return;
    core::Settings settings = settings_;
    settings.self = n == 0 ? core::Node::first : core::Node::second;
    settings.boot = ++node.boots;
    node.alive = true;
    node.frozen = false;
    node.excused = false;
    node.generation++;
    node.boot_at = now_;
    node.core = core::boot(settings, node.disk);
    if (options_.trace) note(n, "*", "boots with " + describe(node.disk));
    tick(n, node.generation);
}

/// The daemon ends.  Its tasks and its store end with it: at once with the host, else within the
/// time that the service manager needs, and always before the next daemon starts.
void World::crash(unsigned n, bool host, Micros down)
{
    SimNode& node = nodes_[n];
    if (!node.alive) return;
    if (options_.trace) note(n, "*", host ? "host crashes" : "daemon crashes");
    node.alive = false;
    node.frozen = false;
    node.generation++;
    node.inbox.clear();
    // What was on its way to the disk may or may not have arrived, in order.
    for (std::uint64_t kept = rng_.below(node.writes.size() + 1); kept > 0; --kept) {
        check_written(n, node.writes.front().record);
        node.disk = node.writes.front().record;
        node.writes.pop_front();
    }
    node.writes.clear();
    node.disk_free_at = now_;
    const Micros rest = host ? 0 : rng_.below(50) * ms;
    later(rest, [this, n] {
        nodes_[n].tasks = false;
        nodes_[n].excused = false;
        nodes_[n].kill_op++;
        Store& store = nodes_[n].store;
        store.op++;
        store.state = Store::State::down;
        store.streaming = store.want_follow = store.sync = store.freezing = store.frozen = false;
    });
    later(rest + 10 * ms + down, [this, n] { boot(n); });
}

void World::freeze(unsigned n, Micros duration)
{
    SimNode& node = nodes_[n];
    if (!node.alive || node.frozen) return;
    happened(Fault::freeze);
    if (options_.trace) note(n, "*", "freezes");
    node.frozen = true;
    node.excused = true;
    later(duration, [this, n, generation = node.generation] { wake(n, generation); });
}

void World::wake(unsigned n, std::uint32_t generation)
{
    SimNode& node = nodes_[n];
    if (!node.alive || !node.frozen || node.generation != generation) return;
    if (options_.trace) note(n, "*", "wakes");
    node.frozen = false;
    // Tasks that must die are killed within this time.
    later(60 * ms, [this, n, generation] {
        if (nodes_[n].generation == generation && !nodes_[n].frozen) nodes_[n].excused = false;
    });
    elapse(n);
    const std::vector<core::Input> inbox = std::move(node.inbox);
    node.inbox.clear();
    for (const auto& what : inbox)
        if (node.alive && node.generation == generation) step(n, what);
}

} // namespace roleswap::sim
