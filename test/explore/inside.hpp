#pragma once
#include "world.hpp"

/// Inside of the explored world: one action under way.
namespace roleswap::explore {

/// In the number of a fence: how it ends, and so many times this for each write that is kept.
constexpr unsigned fence_kept = 4;

constexpr std::array node_names = {"first", "second", "dr"};

struct Run {
    const Mode& mode;
    World& w;
    Seen& seen;

    // effects.cpp
    void step(unsigned n, const core::Input& input);
    void carry_out(unsigned n, const core::Effect& effect);
    void send(unsigned n, const core::Message& message);
    void notice(unsigned n, const core::Notify& notify);
    void reply(unsigned n, const core::Reply& reply);
    void see(Sight sight);
    void note(unsigned n, const std::string& text) const;
    void violate(const std::string& what);
    bool able(unsigned n) const;
    void settle_stores();
    void commit(unsigned n);
    void notice_streams();
    void check();
    void check_two(unsigned n, unsigned other);
    void end_force();
    void check_idle(unsigned n);
    bool excused(unsigned n) const;

    // third.cpp
    void send_third(unsigned n, const core::Message& message);
    void hear_thirds();
    bool hear_one_third();
    void hear_dr(unsigned which);
    void hear_third(unsigned n, core::Node from, core::Message message);

    // act.cpp, asked.cpp, stores.cpp
    void act(const Action& action);
    void tick();
    void hear(unsigned n, unsigned which);
    void persisted(unsigned n);
    void killed(unsigned n);
    void order(unsigned n, Op op);
    void store_failed(unsigned n);
    void forget_answers(unsigned n, core::StoreEvent::Kind kept);
    void order_freeze(unsigned n);
    void store_op(unsigned n, bool fails);
    void store_mode(unsigned n);
    void store_freeze(unsigned n, bool fails);
    void store_event(unsigned n);
    void lead(unsigned n);
    void probe(unsigned n, bool late);
    void witness(unsigned n, unsigned how);
    core::WitnessAnswer decide(unsigned n, const core::WitnessAsk& ask, unsigned how);
    void told(unsigned n);
    void land(unsigned n);
    void fence(unsigned n, unsigned how);
    void fire(unsigned n);
    void guard(unsigned n);
    void wake(unsigned n);
    void boot(unsigned n);
    void end(unsigned n, unsigned kept);
    void unstall(unsigned n);
    void cut(const Action& action);
    void heal();
    void witness_back();
};

unsigned number_of(core::Node node);
/// Who gets the role of the dr node.
unsigned heir(const World& w);
/// Whom the store of node `n` mirrors or would.
unsigned source_of(const World& w, unsigned n);
bool can_stream(const World& w, unsigned n);
/// By the one that commits of node `n` can wait for.
bool is_mirrored(const World& w, unsigned n);

/// As numbered by Action::Kind::hear.
bool can_hear_dr(const World& w, unsigned which);

/// Time as node `n` would see it if it looked.
inline core::Ticks clock_of(const Side& side)
{
    return side.core.now + side.slept;
}
inline bool deadline_passed(const Side& side)
{
    return side.guarded && side.core.guard_until != core::ExtendGuard::never &&
           clock_of(side) >= side.core.guard_until &&
           (side.tasks || side.store.state != Store::State::down);
}
inline bool runs(const Side& side)
{
    return side.alive && !side.frozen;
}
/// Is this slow at present?
inline bool stalled(const World& world, unsigned n, Stall what)
{
    return world.stall == what && world.stalled == n;
}

} // namespace roleswap::explore
