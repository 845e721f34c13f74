#include "pair.hpp"
#include "support/catch_session.hpp"
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sys/wait.h>

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

/// What a killed server leaves behind may make a start or two fail.
void lead_at_last(Pair& pair, Node& node)
{
    for (int tries = 0; tries < 5; ++tries) {
        node.forget();
        node->lead(99);
        REQUIRE(
            wait(pair.loop, [&] { return node.told(Kind::failed) || node.told(Kind::primary); }));
        if (!node.told(Kind::failed)) return;
    }
    FAIL("it does not lead again");
}

/// The pauses between starts of a server that fails again and again would grow.
void begin_anew(Pair& pair, Node& node)
{
    node.restart();
    lead_at_last(pair, node);
    node.forget();
}

/// Its end and the last answers of its children then come in one turn of the loop.
void kill_and_await(pid_t pid)
{
    ::kill(pid, SIGKILL);
    siginfo_t end{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOWAIT) == 0);
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
        return node.told(Kind::failed) || (node.told(Kind::primary) && node->snapshot().pid > 1 &&
                                           node->snapshot().pid != killed);
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
        lead_at_last(pair, node);
    }
    CHECK(node->snapshot().state == core::StoreState::primary);
    CHECK_NOTHROW(ask(pair.loop, node->conninfo(), "create table if not exists alive()"));
    CHECK_FALSE(node.told(Kind::failed));
}

} // namespace

TEST_CASE("no word of a death comes after an order that was given meanwhile")
{
    Pair pair;
    int told_before = 0;
    for (int turns = 0; turns < most_turns; ++turns) {
        INFO("after " << turns << " turns of the loop\n" << pair.first.story());
        begin_anew(pair, pair.first);
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

TEST_CASE("what waits to be told when an order comes is never told")
{
    Pair pair;
    auto& node = pair.first;
    int superseded = 0;
    for (int at = 1; at <= most_turns; ++at) { // one of them is the moment before `failed` is told
        INFO("at moment " << at << "\n" << node.story());
        begin_anew(pair, node);
        int moment = 0;
        std::size_t told_before = 0;
        node.before = [&] {
            if (++moment != at || node.told(Kind::failed)) return;
            node.before = nullptr;
            ++superseded;
            told_before = node.story().size();
            node->lead(2);
        };
        kill_postmaster(node);
        REQUIRE(wait(pair.loop, [&] { return node.first().has_value(); }));
        // What the killed server left behind may make the new start fail, which a note tells first.
        const bool failed_anew = node.story().find("note failed", told_before) != std::string::npos;
        if (node.before == nullptr && !failed_anew) CHECK(node.first() == Kind::primary);
        node.before = nullptr;
    }
    CHECK(superseded > 0); // and there were moments enough
    CHECK(superseded < most_turns);
}

namespace {

constexpr int rounds = 60;
constexpr int moments = 30; ///< turns of the loop from "ready" to `primary`: 10 to 20

/// As its postmaster says.
bool is_ready(const Node& node)
{
    std::ifstream file(node.cluster() / "postmaster.pid");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.find("ready") != std::string::npos;
}

/// A store is told to lead; its server is killed as soon as it answers, `later` turns of
/// the loop after that.  True where it led and then told of its death.
bool killed_while_it_begins(Pair& pair, Node& node, int later)
{
    node.restart(); // or the pauses between its starts would grow
    node->lead(2);
    bool led = false;
    const auto turn = [&] {
        sd_event_run(pair.loop.get(), 20'000);
        led |= node->snapshot().state == core::StoreState::primary;
    };
    // A server that is killed earlier starts slowly the next time.
    while (!is_ready(node) && !node.told(Kind::failed)) turn();
    for (int i = 0; i < later; ++i) turn();
    if (const auto pid = node->snapshot().pid; pid > 1) kill_and_await(pid);
    REQUIRE(wait(pair.loop, [&] {
        led |= node->snapshot().state == core::StoreState::primary;
        return node.told(Kind::failed);
    }));
    if (led) CHECK(node.first() == Kind::primary);
    return led;
}

} // namespace

TEST_CASE("a store that led says so before it says that it failed")
{
    Pair pair;
    auto& node = pair.first;
    int led = 0;
    for (int round = 0; round < rounds; ++round) {
        INFO(node.story());
        led += killed_while_it_begins(pair, node, round % moments) ? 1 : 0;
    }
    CHECK(led > 0); // both sides of the moment were met
    CHECK(led < rounds);
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
