#include "pair.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using namespace roleswap::link;
using namespace roleswap::link::test;
using namespace std::chrono_literals;

namespace {

const TestNode::Change* change_of(const TestNode& node, std::size_t link, LinkState state)
{
    const auto found = std::ranges::find_if(node.changes, [&](const auto& change) {
        return change.link == link && change.state == state;
    });
    return found == node.changes.end() ? nullptr : &*found;
}

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values.at(values.size() / 2);
}

/// Sends a numbered message each millisecond.
struct Stream {
    explicit Stream(TestNode& from)
        : node(from), timer(from.loop, [this] {
              node.transport().broadcast(wire::view(std::to_string(sent++)));
          })
    {
        timer.start_every(1ms);
    }
    TestNode& node;
    std::size_t sent = 0;
    event::Timer timer;
};

/// Each number once and in order of sending, as far as one link after the other can keep it.
bool complete(std::vector<std::string> got, std::size_t sent)
{
    std::vector<std::size_t> numbers;
    for (const auto& text : got) numbers.push_back(std::stoul(text));
    std::ranges::sort(numbers);
    for (std::size_t number = 0; number < numbers.size(); ++number)
        if (numbers[number] != number) return false;
    return numbers.size() == sent;
}

} // namespace

TEST_CASE("links come up at the first datagrams and measure their round trip")
{
    TestPair pair;
    const auto begin = event::Loop::now();
    REQUIRE(pair.come_up());
    const auto took = event::Loop::now() - begin;
    CHECK(took < 3 * pair.first.options.heartbeat);
    pair.run_for(500ms);
    for (std::size_t link = 0; link < 3; ++link) {
        const auto status = pair.first.transport().status(link);
        REQUIRE(status.rtt_ms);
        CHECK(*status.rtt_ms > 0);
        CHECK(*status.rtt_ms < 20);
        CHECK(status.loss() == 0);
        CHECK(status.received.datagrams >= 10);
        CHECK(status.received.bytes > status.received.datagrams * 100);
        CHECK(status.trouble.empty());
        fmt::print("figure: {} up after {:.1f} ms, rtt {:.3f} ms\n", status.name,
                   milliseconds(took), *status.rtt_ms);
    }
    CHECK(pair.first.transport().peer_boot() == 1);
}

TEST_CASE("a heartbeat that comes over three links takes one turn of the loop")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    const auto heard = [&] { return pair.first.transport().status(0).received.datagrams; };
    const auto begin = heard();
    const auto before = pair.first.turns;
    const auto reads_before = pair.first.gates.at("lan-a").reads;
    REQUIRE(pair.run_until([&] { return heard() - begin == 50; }));
    const auto turns = static_cast<double>(pair.first.turns - before) / 50;
    const auto reads = (pair.first.gates.at("lan-a").reads - reads_before) / 50.0;
    fmt::print("figure: {:.1f} turns of the loop and {:.1f} reads of each socket per heartbeat\n",
               turns, reads);
    CHECK(turns < 2.8); // the own heartbeat, the peer's; the look at the links goes with them
    CHECK(reads < 1.5); // none that finds nothing
}

TEST_CASE("heartbeats that wait in the sockets are all read")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    pair.second.messages.clear();
    std::vector<std::string> sent;
    for (int number = 0; number < 20; ++number) {
        sent.push_back(std::to_string(number));
        pair.first.transport().broadcast(wire::view(sent.back()));
    }
    const auto in_time = pair.second.options.dead_after / 2; // no later look helps
    REQUIRE(pair.run_only(
        pair.second, [&] { return pair.second.messages == sent; }, in_time));
    pair.run_for(20ms);
    for (std::size_t link = 0; link < 3; ++link)
        CHECK(pair.second.transport().status(link).loss_in == 0);
}

TEST_CASE("errors of the sockets keep no loop awake, and the peer is heard again")
{
    TestPair pair;
    for (auto* node : {&pair.first, &pair.second}) {
        for (auto& link : node->options.links) link.connected = true; // the kernel tells refusals
        node->stop();
        node->start();
    }
    REQUIRE(pair.come_up());
    pair.second.stop();
    pair.run_for(100ms); // what was under way
    const auto before = pair.first.turns;
    const auto reads = pair.first.gates.at("lan-a").reads;
    pair.run_for(400ms);
    CHECK(pair.first.gates.at("lan-a").reads > reads); // a refusal makes the socket ready
    CHECK(pair.first.turns - before < 100);
    pair.second.restart(2);
    CHECK(pair.run_until([&] { return pair.first.all_up(); }));
}

TEST_CASE("a cut link is seen in time, disturbs no other and loses nothing of a 1 kHz stream")
{
    std::vector<double> seen;
    for (int round = 0; round < 5; ++round) {
        TestPair pair;
        REQUIRE(pair.come_up());
        Stream stream(pair.first);
        pair.run_for(100ms);
        pair.cut("lan-a", true);
        const auto cut_at = event::Loop::now();
        REQUIRE(pair.run_until([&] { return change_of(pair.second, 0, LinkState::down); }));
        const auto took = change_of(pair.second, 0, LinkState::down)->at - cut_at;
        CHECK(took < 4 * pair.second.options.dead_after);
        seen.push_back(milliseconds(took));
        pair.run_for(100ms);
        stream.timer.stop();
        pair.run_for(20ms);
        CHECK(complete(pair.second.messages, stream.sent));
        CHECK(pair.second.transport().live() == std::vector<std::size_t>{1, 2});
        CHECK(change_of(pair.second, 1, LinkState::down) == nullptr);
        CHECK(change_of(pair.second, 2, LinkState::down) == nullptr);
        CHECK(pair.second.transport().status(0).loss_in == 1);
    }
    fmt::print("figure: cut link seen after {:.0f} ms (median of 5, dead_after 120 ms)\n",
               median(seen));
}

TEST_CASE("a healed link comes up only after several heartbeats in a row")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    pair.cut("lan-b", true);
    REQUIRE(pair.run_until([&] { return change_of(pair.second, 1, LinkState::down); }));
    pair.second.changes.clear();
    pair.cut("lan-b", false);
    const auto healed_at = event::Loop::now();
    REQUIRE(pair.run_until([&] { return change_of(pair.second, 1, LinkState::up); }));
    const auto took = event::Loop::now() - healed_at;
    CHECK(took > 2 * pair.second.options.heartbeat - 5ms);
    const auto status = pair.second.transport().status(1);
    CHECK(status.loss_in > 0); // what was lost meanwhile is known by its numbers
    fmt::print("figure: healed link up after {:.0f} ms\n", milliseconds(took));
}

TEST_CASE("loss of one link is measured in both directions")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    pair.first.gates["crossover"].loss = 0.3;
    Stream stream(pair.first);
    pair.run_for(1s);
    stream.timer.stop();
    const auto status = pair.second.transport().status(2);
    CHECK(status.loss_in == Approx(0.3).margin(0.1));
    CHECK(status.loss_out < 0.02);
    CHECK(pair.first.transport().status(2).loss_out == Approx(0.3).margin(0.1));
    CHECK(pair.second.transport().status(0).loss_in == 0);
    CHECK(complete(pair.second.messages, stream.sent));
}

TEST_CASE("a send error stays on its link")
{
    const int error = GENERATE(ENETUNREACH, EPERM, ENOBUFS);
    TestPair pair;
    REQUIRE(pair.come_up());
    Stream stream(pair.first);
    pair.first.gates["lan-a"].error = error;
    pair.run_for(200ms);
    stream.timer.stop();
    pair.run_for(20ms);
    CHECK(complete(pair.second.messages, stream.sent));
    const auto status = pair.first.transport().status(0);
    CHECK(status.send_errors >= 100);
    CHECK_THAT(status.trouble, Catch::StartsWith("send: "));
    CHECK(pair.first.transport().status(1).send_errors == 0);
    pair.first.gates["lan-a"].error = 0;
    REQUIRE(pair.run_until([&] { return pair.first.transport().status(0).trouble.empty(); }));
}

TEST_CASE("a link whose address is not there is down and says why")
{
    TestPair pair;
    pair.first.stop();
    const auto address = pair.first.options.links[0].local;
    pair.first.options.links[0].local = "192.0.2.77"; // RFC 5737: nobody has it
    pair.first.start();
    REQUIRE(pair.run_until([&] { return pair.first.transport().live().size() == 2; }));
    CHECK(pair.first.transport().live() == std::vector<std::size_t>{1, 2});
    CHECK_THAT(pair.first.transport().status(0).trouble, Catch::Contains("192.0.2.77"));
    pair.first.options.links[0].local = "lan-a.example";
    CHECK_THROWS_AS(pair.first.start(), std::invalid_argument);
}

TEST_CASE("a node that was frozen reads what waits before it calls a link dead")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    pair.first.changes.clear();
    const auto thaw_at = event::Loop::now() + 500ms;
    pair.run_only(pair.second, [&] { return event::Loop::now() >= thaw_at; });
    CHECK_FALSE(pair.second.transport().any_live()); // the others do see it
    pair.run_for(300ms);
    CHECK(pair.first.changes.empty());
    CHECK(pair.first.all_up());
    REQUIRE(pair.run_until([&] { return pair.second.all_up(); }));
    CHECK(*pair.first.transport().status(0).rtt_ms < 20); // the pause is no property of the cable
}

TEST_CASE("all links go down when the peer ends")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    pair.second.stop();
    const auto gone_at = event::Loop::now();
    REQUIRE(pair.run_only(pair.first, [&] { return !pair.first.transport().any_live(); }));
    const auto took = event::Loop::now() - gone_at;
    CHECK(took < 4 * pair.first.options.dead_after);
    fmt::print("figure: dead peer seen after {:.0f} ms\n", milliseconds(took));
}
