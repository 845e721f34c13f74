#include "pair.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using namespace roleswap::link;
using namespace roleswap::link::test;
using namespace std::chrono_literals;

namespace {

/// Collects the answers of requests that the first node asks.
struct Asker {
    explicit Asker(TestPair& of) : pair(of) {}
    RequestId ask(wire::View bytes, Duration timeout = 20s)
    {
        return pair.first.transport().request(
            bytes, timeout, [this](Answer answer) { answers.push_back(std::move(answer)); });
    }
    std::size_t replies() const
    {
        return static_cast<std::size_t>(std::ranges::count_if(answers, [](const Answer& answer) {
            return std::holds_alternative<wire::Bytes>(answer);
        }));
    }
    bool failed_by(RequestError error) const
    {
        return answers.size() == 1 && std::holds_alternative<RequestError>(answers[0]) &&
               std::get<RequestError>(answers[0]) == error;
    }
    TestPair& pair;
    std::vector<Answer> answers;
};

wire::Bytes pattern(std::size_t size)
{
    wire::Bytes bytes(size);
    for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<std::uint8_t>(at * 31 >> 3);
    return bytes;
}

void lose(TestPair& pair, double loss)
{
    for (auto* node : {&pair.first, &pair.second})
        for (const auto* name : {"lan-a", "lan-b", "crossover"}) node->gates[name].loss = loss;
}

} // namespace

TEST_CASE("requests are executed once and answered under 30 % loss")
{
    const auto links = GENERATE(std::size_t{3}, std::size_t{1});
    TestPair pair;
    for (auto* node : {&pair.first, &pair.second}) {
        node->stop();
        node->options.links.resize(links);
        node->start();
    }
    REQUIRE(pair.come_up());
    lose(pair, 0.3);
    Asker asker(pair);
    constexpr std::size_t requests = 300;
    for (std::size_t number = 0; number < requests; ++number) {
        auto bytes = pattern(number % 10 == 0 ? 5000 : 200);
        const auto name = fmt::format("{:032}", number);
        std::ranges::copy(name, bytes.begin());
        asker.ask(bytes);
    }
    const auto begin = event::Loop::now();
    REQUIRE(pair.run_until([&] { return asker.answers.size() == requests; }, 20s));
    CHECK(asker.replies() == requests);
    CHECK(pair.second.executed.size() == requests);
    for (const auto& [name, times] : pair.second.executed) CHECK(times == 1);
    pair.run_for(300ms); // late repetitions change nothing
    for (const auto& [name, times] : pair.second.executed) CHECK(times == 1);
    fmt::print("figure: {} requests over {} links with 30 % loss took {:.0f} ms\n", requests, links,
               milliseconds(event::Loop::now() - begin) - 300);
}

TEST_CASE("a request and a reply of 1 MiB arrive whole")
{
    const auto loss = GENERATE(0.0, 0.05, 0.3);
    TestPair pair;
    REQUIRE(pair.come_up());
    lose(pair, loss);
    Asker asker(pair);
    const auto bytes = pattern(message_bytes_max);
    const auto begin = event::Loop::now();
    asker.ask(bytes);
    REQUIRE(pair.run_until([&] { return asker.answers.size() == 1; }, 20s));
    REQUIRE(asker.replies() == 1);
    CHECK(std::get<wire::Bytes>(asker.answers[0]) == bytes);
    CHECK(pair.second.executed.size() == 1);
    if (loss == 0) CHECK(pair.first.all_up());
    fmt::print("figure: 1 MiB there and back with {:.0f} % loss took {:.0f} ms\n", loss * 100,
               milliseconds(event::Loop::now() - begin));
}

TEST_CASE("sizes around the borders of fragments arrive whole")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    for (const std::size_t size : {0, 1, 1023, 1024, 1025, 2047, 2048, 2049}) {
        Asker asker(pair);
        asker.ask(pattern(size));
        REQUIRE(pair.run_until([&] { return asker.answers.size() == 1; }));
        CHECK(std::get<wire::Bytes>(asker.answers[0]) == pattern(size));
    }
}

TEST_CASE("a request that is too long is refused later, not inside the call")
{
    TestPair pair;
    Asker asker(pair);
    asker.ask(wire::Bytes(message_bytes_max + 1));
    CHECK(asker.answers.empty());
    REQUIRE(pair.run_until([&] { return !asker.answers.empty(); }));
    CHECK(asker.failed_by(RequestError::too_long));
}

TEST_CASE("a request waits for the peer, and times out without one")
{
    TestPair pair;
    pair.second.stop();
    Asker late(pair);
    Asker lost(pair);
    lost.ask(wire::view("lost"), 100ms);
    late.ask(wire::view("late"));
    REQUIRE(pair.run_only(pair.first, [&] { return !lost.answers.empty(); }));
    CHECK(lost.failed_by(RequestError::timed_out));
    pair.second.start();
    REQUIRE(pair.run_until([&] { return late.replies() == 1; }));
    CHECK(pair.second.executed == std::map<std::string, int>{{"late", 1}});
}

TEST_CASE("an answer may come later, and a second one is dropped")
{
    TestPair pair;
    std::optional<Responder> kept;
    pair.second.answer = [&](wire::View, Responder responder) { kept = responder; };
    REQUIRE(pair.come_up());
    Asker asker(pair);
    asker.ask(wire::view("drain"));
    REQUIRE(pair.run_until([&] { return kept.has_value(); }));
    pair.run_for(200ms);
    CHECK(asker.answers.empty());
    kept->reply(wire::view("drained"));
    kept->reply(wire::view("again"));
    REQUIRE(pair.run_until([&] { return !asker.answers.empty(); }));
    pair.run_for(100ms);
    REQUIRE(asker.replies() == 1);
    CHECK(wire::text(std::get<wire::Bytes>(asker.answers[0])) == "drained");
    CHECK_THROWS_AS(kept->reply(wire::Bytes(message_bytes_max + 1)), std::length_error);
}

TEST_CASE("a request dies with the process that had it and is not executed by its successor")
{
    TestPair pair;
    std::optional<Responder> kept;
    pair.second.answer = [&](wire::View, Responder responder) { kept = responder; };
    REQUIRE(pair.come_up());
    Asker asker(pair);
    asker.ask(wire::view("hand over"));
    REQUIRE(pair.run_until([&] { return kept.has_value(); }));
    pair.second.restart(2);
    REQUIRE(pair.run_until([&] { return !asker.answers.empty(); }));
    CHECK(asker.failed_by(RequestError::peer_restarted));
    pair.run_for(200ms);
    CHECK(pair.second.executed == std::map<std::string, int>{{"hand over", 1}});
}

TEST_CASE("a reply to a predecessor does not reach the restarted node that asks")
{
    TestPair pair;
    std::optional<Responder> kept;
    pair.second.answer = [&](wire::View, Responder responder) { kept = responder; };
    REQUIRE(pair.come_up());
    Asker before(pair);
    before.ask(wire::view("first life"));
    REQUIRE(pair.run_until([&] { return kept.has_value(); }));
    const auto old = *kept;
    kept.reset();
    pair.first.restart(2);
    Asker after(pair); // has the same number again
    after.ask(wire::view("second life"));
    REQUIRE(pair.run_until([&] { return kept.has_value(); }));
    old.reply(wire::view("old news"));
    pair.run_for(100ms);
    CHECK(after.answers.empty());
    kept->reply(wire::view("news"));
    REQUIRE(pair.run_until([&] { return !after.answers.empty(); }));
    CHECK(wire::text(std::get<wire::Bytes>(after.answers[0])) == "news");
    CHECK(before.answers.empty());
}

TEST_CASE("a cancelled request calls nobody")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    Asker asker(pair);
    pair.first.transport().cancel(asker.ask(wire::view("never mind")));
    asker.ask(wire::view("this"));
    REQUIRE(pair.run_until([&] { return !asker.answers.empty(); }));
    pair.run_for(100ms);
    CHECK(asker.answers.size() == 1);
}

TEST_CASE("a long request survives the end of the link it uses")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    Asker asker(pair);
    const auto bytes = pattern(message_bytes_max);
    asker.ask(bytes);
    const auto before = pair.second.transport().status(0).received.datagrams;
    pair.run_until(
        [&] { return pair.second.transport().status(0).received.datagrams > before + 100; });
    pair.cut("lan-a", true);
    REQUIRE(pair.run_until([&] { return asker.answers.size() == 1; }, 20s));
    CHECK(std::get<wire::Bytes>(asker.answers[0]) == bytes);
}
