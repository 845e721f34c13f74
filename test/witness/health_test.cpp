#include "setting.hpp"
#include <catch2/catch.hpp>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

TEST_CASE("a look tells of each endpoint whether it is up, its version and its latency")
{
    event::Loop loop;
    Etcd etcd(loop);
    const auto dead = "http://127.0.0.1:" + std::to_string(free_port());
    Side side(loop, {dead, etcd.url()});
    REQUIRE(side.create({1, 2, right}).kind == Answer::Kind::granted);
    const auto status = side.look();
    CHECK(status.health == Health::well);
    CHECK(status.verdict == Verdict{1, 2, right});
    REQUIRE(status.endpoints.size() == 2);
    CHECK_FALSE(status.endpoints[0].up);
    CHECK(status.endpoints[0].why.find("refused") != std::string::npos);
    CHECK(status.endpoints[1].up);
    CHECK(status.endpoints[1].version.starts_with("3."));
    CHECK(status.endpoints[1].latency > 0ms);
    CHECK(status.endpoints[1].found->verdict == Verdict{1, 2, right});
}

TEST_CASE("what the other node puts is known at once, long before the next look")
{
    event::Loop loop;
    Etcd etcd(loop);
    auto options = options_for({etcd.url()});
    options.look_every = 1h;
    Side watching(loop, options);
    Side other(loop, {etcd.url()});
    REQUIRE(other.create({1, 0, left}).kind == Answer::Kind::granted);
    (void)watching.look();
    const auto knows = [&](std::uint64_t epoch) {
        return wait(
            loop,
            [&] {
                const auto verdict = watching.port().status().verdict;
                return verdict && verdict->epoch == epoch;
            },
            5s);
    };
    REQUIRE(knows(1));
    for (std::uint64_t epoch = 1; epoch < 5; ++epoch) {
        REQUIRE(other.decide({epoch, 0, left}, {epoch + 1, 0, left}).kind == Answer::Kind::granted);
        CHECK(knows(epoch + 1));
    }
}

TEST_CASE("a register of another pair is told, and grants nothing")
{
    event::Loop loop;
    Etcd etcd(loop);
    auto options = options_for({etcd.url()});
    options.names = {"north", "south"};
    Side other(loop, options);
    REQUIRE(other.create({1, 0, left}).kind == Answer::Kind::granted);
    Side side(loop, {etcd.url()});
    CHECK(side.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::wiped);
    REQUIRE(side.wait_for(Health::wiped));
    CHECK(side.port().status().why.find("north") != std::string::npos);
    CHECK(side.create({1, 0, left}).kind == Answer::Kind::refused);
    CHECK(other.look().verdict == Verdict{1, 0, left});
}

TEST_CASE("a register of any bytes is told in plain letters")
{
    event::Loop loop;
    Etcd etcd(loop);
    // "roleswap/alpha/verdict" and the bytes ff 00 1b
    etcd.post("/v3/kv/put", R"({"key":"cm9sZXN3YXAvYWxwaGEvdmVyZGljdA==","value":"/wAb"})");
    Side side(loop, {etcd.url()});
    const auto answer = side.decide({1, 0, left}, {2, 0, right});
    CHECK(answer.kind == Answer::Kind::wiped);
    CHECK(answer.why.find("holds ???") != std::string::npos);
    REQUIRE(side.wait_for(Health::wiped));
    CHECK(side.port().status().why.find("holds ???") != std::string::npos);
}

TEST_CASE("two etcds that know nothing of each other are no witness")
{
    event::Loop loop;
    Etcd one(loop), two(loop);
    {
        Side first(loop, {one.url()});
        Side second(loop, {two.url()});
        REQUIRE(first.create({1, 0, left}).kind == Answer::Kind::granted);
        REQUIRE(second.create({1, 0, left}).kind == Answer::Kind::granted);
    }
    Side side(loop, {one.url(), two.url()});
    REQUIRE(wait(loop, [&] { return side.heard("witness_split"); }));
    const auto answer = side.decide({1, 0, left}, {2, 0, right});
    CHECK(answer.kind == Answer::Kind::unreachable);
    CHECK(answer.why.find("not of one etcd") != std::string::npos);
}

TEST_CASE("events of a witness that comes and goes are not more than one per gap")
{
    event::Loop loop;
    Etcd etcd(loop);
    // The register is there before the first look, so that nothing is told of its absence.
    Side other(loop, {etcd.url()});
    REQUIRE(other.create({1, 0, left}).kind == Answer::Kind::granted);
    auto options = options_for({etcd.url()});
    options.event_gap = 24h * 365 * 10; // longer than this machine has been up
    Side side(loop, options);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(side.wait_for_twice(Health::well));
        etcd.kill();
        REQUIRE(side.wait_for_twice(Health::lost));
        etcd.start();
        etcd.ready();
    }
    REQUIRE(side.events.size() == 1);
    CHECK(side.heard("witness_lost"));
}
