#include "world.hpp"
#include "trace.hpp"
#include <algorithm>
#include <utility>

namespace roleswap::sim {
namespace {

constexpr Micros limit = 200 * second;
constexpr Micros pump_period = 10 * ms;

} // namespace

World::World(const Options& options) : options_(options), rng_(options.seed * 7919 + 17)
{
    outcome_.hash = 0xcbf29ce484222325U;
    shape_ = shape_number(rng_.below(shape_count));
    if (options.shape) shape_ = *options.shape;
    outcome_.shape = shape_;
    settings_.witness = shape_.witness;
    settings_.fence = shape_.fence;
    settings_.guard = shape_.guard;
    settings_.takeover_delay = rng_.chance(700) ? 1000 : rng_.between(300, 3000);
    settings_.heartbeat =
        std::min<core::Ticks>(rng_.between(30, 100), settings_.takeover_delay / 10);
    settings_.company = rng_.below(settings_.heartbeat / 4);
    settings_.probes_configured = rng_.chance(850);
    if (shape_.fence && rng_.chance(850))
        settings_.fence_delay = rng_.below(settings_.takeover_delay);
    settings_.sabotage = options.sabotage;
    operator_absent_ = rng_.chance(200);
    hold_stays_ = rng_.chance(100);
    outcome_.probes = settings_.probes_configured;
    nodes_[0].disk = {1, core::Node::first, core::Mode::alone};
    for (auto& node : nodes_) {
        node.rate_ppm = rng_.between(950000, 1050000);
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
            violate("I6: the faults of this world do not come to an end: " + what_is_wrong());
        else
            event.what();
        check();
        if (healed_ && look_at_convergence()) break;
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
    act(n, [this, n, what] { step(n, what); });
}

void World::act(unsigned n, std::function<void()> what)
{
    SimNode& node = nodes_[n];
    if (!node.alive) return;
    if (node.frozen) return node.inbox.push_back(std::move(what));
    elapse(n);
    if (node.alive) what();
}

/// What the guard did comes before the time that passed, as in the driver.
void World::elapse(unsigned n)
{
    SimNode& node = nodes_[n];
    if (!node.alive) return;
    if (std::exchange(node.fired_unseen, false))
        step(n, core::GuardEvent{core::GuardEvent::Kind::fired});
    const core::Ticks local = (now_ - node.boot_at) * node.rate_ppm / 1000000 / ms;
    if (node.alive && local > node.core.now) step(n, core::Elapsed{local - node.core.now});
}

void World::tick(unsigned n, std::uint32_t generation)
{
    SimNode& node = nodes_[n];
    if (!node.alive || node.generation != generation) return;
    if (!node.frozen) elapse(n);
    const Micros due = core::next_tick(node.core) * ms;
    later(due - std::min<Micros>(rng_.below(5) * ms, due / 2),
          [this, n, generation] { tick(n, generation); });
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
    if (node.fence_ticket != 0) withdraw_fence(n);
    mix(static_cast<std::uint64_t>(node.core.role) + 16 * node.core.record.epoch);
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
    if (shape_.guard) start_guard(n);
    tick(n, node.generation);
}

void World::boot_later(unsigned n, Micros delay)
{
    later(delay, [this, n, power = nodes_[n].power] {
        if (nodes_[n].power == power) boot(n);
    });
}

/// The daemon ends.  Its tasks and its store end with it: at once with the host, else by its guard
/// or within the time that the service manager needs, and always before the next daemon starts.
void World::crash(unsigned n, bool host, Micros down)
{
    if (!nodes_[n].alive) return;
    if (options_.trace) note(n, "*", host ? "host crashes" : "daemon crashes");
    const Micros rest = host ? 0 : rng_.below(nodes_[n].guard_up ? 10 : 50) * ms;
    end(n, rest);
    boot_later(n, rest + 10 * ms + down);
}

/// Nothing of the daemon does anything any more; its processes are gone after `rest`.
void World::end(unsigned n, Micros rest)
{
    SimNode& node = nodes_[n];
    node.alive = node.frozen = false;
    node.guard_up = node.fired = node.fired_unseen = node.deadline_watched = false;
    node.deadline = core::ExtendGuard::never;
    node.question = node.fence_ticket = 0;
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
    node.gone_at = now_ + rest + 1;
    later(rest, [this, n] { nothing_left(n); });
}

void World::nothing_left(unsigned n)
{
    SimNode& node = nodes_[n];
    node.tasks = node.excused = false;
    node.kill_op++;
    Store& store = node.store;
    store.op++;
    store.state = Store::State::down;
    store.streaming = store.want_follow = store.sync = store.freezing = store.frozen = false;
}

void World::freeze(unsigned n, Micros duration)
{
    SimNode& node = nodes_[n];
    if (!node.alive || node.frozen) return;
    // Guard and daemon do not fail within one lease: a stated limit.
    if (!is_guarded(n)) return later(5 * ms, [this, n, duration] { freeze(n, duration); });
    happened(Fault::freeze);
    if (options_.trace) note(n, "*", "freezes");
    node.frozen = true;
    node.excused = !shape_.guard && !shape_.fence;
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
    const auto inbox = std::move(node.inbox);
    node.inbox.clear();
    for (const auto& what : inbox)
        if (node.alive && node.generation == generation) what();
}

} // namespace roleswap::sim
