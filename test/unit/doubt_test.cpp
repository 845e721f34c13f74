#include "core/doubt.hpp"
#include <catch2/catch.hpp>

namespace roleswap::doubt_test {

using namespace core;

namespace {

constexpr Record theirs{4, Node::second, Mode::mirrored};
constexpr Record claimed{5, Node::first, Mode::alone};

State standby(bool in_sync)
{
    State state = boot({.self = Node::first, .probes_configured = true}, theirs);
    state.role = Role::standby;
    state.in_sync = in_sync;
    state.probe.asked = state.probe.answered = state.probe.reached = true;
    state.now = state.probe.reached_at = 1;
    state.peer.silence = state.settings.takeover_delay;
    return state;
}

Command order(Command::Kind kind)
{
    return {1, kind, "test"};
}
const Command by_force = order(Command::Kind::activate_force);

} // namespace

TEST_CASE("a claim by force of a node that may lack something is in doubt", "[core]")
{
    CHECK(doubt_of(standby(false), by_force, claimed, 0) == 5);
    CHECK(doubt_of(standby(false), by_force, claimed, 3) == 5);
    CHECK(doubt_of(boot({}, theirs), by_force, claimed, 0) == 5);
    CHECK(doubt_of(boot({}, claimed), by_force, {7, Node::first, Mode::alone}, 0) == 0);
    const State dr = boot({.self = Node::dr}, theirs);
    CHECK(doubt_of(dr, by_force, {dr_era, Node::dr, Mode::alone}, 0) == dr_era);
}

TEST_CASE("force that was not needed makes no doubt, unless a witness was passed over", "[core]")
{
    State state = standby(true);
    REQUIRE(activate_refusal(state, Command::Kind::activate).empty());
    CHECK(doubt_of(state, by_force, claimed, 0) == 0);
    state.settings.witness = true;
    CHECK(doubt_of(state, by_force, claimed, 0) == 5);
    CHECK(doubt_of(state, order(Command::Kind::activate), claimed, 0) == 0);
}

TEST_CASE("a doubt lasts until this node mirrors another", "[core]")
{
    const State state = standby(false);
    CHECK(doubt_of(state, Elapsed{1}, {7, Node::first, Mode::alone}, 5) == 5);
    CHECK(doubt_of(state, Elapsed{1}, {8, Node::second, Mode::alone}, 5) == 0);
}

} // namespace roleswap::doubt_test
