#include "pair.hpp"
#include "support/catch_session.hpp"
#include <catch2/catch.hpp>
#include <csignal>

/// What becomes of the word of a death that an order overtakes.  The explorer's world
/// (test/explore/stores.cpp) takes the rule that is shown here for granted.
using namespace roleswap;
using namespace roleswap::test;

namespace {

constexpr int most_turns = 12; ///< of the loop until a death is told: 2 to 5

pid_t kill_postmaster(Node& node)
{
    const auto pid = node->snapshot().pid;
    REQUIRE(pid > 1);
    ::kill(pid, SIGKILL);
    return pid;
}

/// Kills the server of `node`, turns the loop so often, orders it to lead, and waits for its word.
/// True when it was told dead before the order.
bool lead_in_its_death(Pair& pair, Node& node, int turns)
{
    node.forget();
    const auto killed = kill_postmaster(node);
    for (int i = 0; i < turns && !node.told(Kind::failed); ++i)
        sd_event_run(pair.loop.get(), 20'000);
    const bool told = node.told(Kind::failed);
    node.forget();
    node->lead(static_cast<core::Epoch>(2 + turns));
    // A backend that outlives its postmaster for a moment may still answer: then `failed` comes
    // after `primary`.
    REQUIRE(wait(pair.loop, [&] {
        return node.told(Kind::failed) ||
               (node.told(Kind::primary) && node->snapshot().pid != killed);
    }));
    return told;
}

/// The newest word is true, and no word of a death comes while the server lives.
void is_as_told(Pair& pair, Node& node)
{
    if (!node.told(Kind::failed)) node->set_mode(core::Mode::alone); // answered after all else
    REQUIRE(wait(pair.loop, [&] { return node.told(Kind::failed) || node.told(Kind::alone); }));
    if (node.told(Kind::failed)) {
        CHECK(node->snapshot().pid == 0);
        CHECK_THROWS_AS(ask(pair.loop, node->conninfo(), "select"), pg::Error);
        node.forget();
        node->lead(99);
        node.expect(Kind::primary);
    }
    CHECK(node->snapshot().state == core::StoreState::primary);
    CHECK_NOTHROW(ask(pair.loop, node->conninfo(), "create table if not exists alive()"));
    CHECK_FALSE(node.told(Kind::failed));
}

} // namespace

TEST_CASE("no word of a death comes after an order that was given meanwhile")
{
    Pair pair;
    pair.first->lead(1);
    pair.first.expect(Kind::primary);
    int told_before = 0;
    for (int turns = 0; turns < most_turns; ++turns) {
        INFO("after " << turns << " turns of the loop\n" << pair.first.story());
        told_before += lead_in_its_death(pair, pair.first, turns) ? 1 : 0;
        is_as_told(pair, pair.first);
    }
    CHECK(told_before > 0); // both sides of the moment were met
    CHECK(told_before < most_turns);
}

TEST_CASE("nor when a standby dies and is told to lead")
{
    for (int turns = 0; turns < 4; ++turns) {
        Pair pair;
        pair.join();
        INFO("after " << turns << " turns of the loop\n" << pair.second.story());
        lead_in_its_death(pair, pair.second, turns);
        is_as_told(pair, pair.second);
    }
}

TEST_CASE("a mode that is set before the thaw is answered does not keep the answer away")
{
    Pair pair;
    pair.join();
    for (int turns = 0; turns < 6; ++turns) {
        INFO("after " << turns << " turns of the loop");
        pair.mirror(pair.first);
        pair.first->freeze();
        pair.first.expect(Kind::frozen);
        pair.first->thaw();
        for (int i = 0; i < turns; ++i) sd_event_run(pair.loop.get(), 1'000);
        pair.first->set_mode(core::Mode::alone);
        REQUIRE(wait(pair.loop, [&] { return pair.first.told(Kind::alone); }));
        CHECK(pair.first.told(Kind::thawed));
        pair.first.forget();
    }
}

int main(int argc, char** argv)
{
    bin_dir();
    return roleswap::test::run_tests(argc, argv);
}
