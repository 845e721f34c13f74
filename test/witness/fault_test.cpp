#include "relay.hpp"
#include "setting.hpp"
#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <sys/socket.h>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

/// Takes connections, and never says a word.
class Silent {
public:
    Silent() : port_(free_port()), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port_));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        event::check(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
                     "bind");
        event::check(::listen(fd_.get(), 100), "listen");
    }
    std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

private:
    int port_;
    event::UniqueFd fd_;
};

std::string nobody()
{
    return fmt::format("http://127.0.0.1:{}", free_port());
}

constexpr auto limit = 1000ms;
constexpr auto slack = limit / 2; ///< of a machine with other things to do

} // namespace

TEST_CASE("an etcd that lost its data grants nothing until somebody makes the register again")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    REQUIRE(side.wait_for(Health::well));
    etcd.wipe();
    CHECK(side.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::wiped);
    CHECK(wait(loop, [&] { return side.heard("witness_wiped"); }));
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    CHECK(wait(loop, [&] { return side.heard("witness_back"); }));
    CHECK(side.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::granted);
}

TEST_CASE("an etcd that was killed is unreachable within the limit, and good again afterwards")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    REQUIRE(side.wait_for(Health::well));
    etcd.kill();
    CHECK(shortest([&] {
              const auto answer = side.decide({1, 0, left}, {2, 0, right}, limit);
              INFO(answer.why);
              CHECK(answer.kind == Answer::Kind::unreachable);
              CHECK(answer.took >= limit - 1ms);
              CHECK(answer.why.find(etcd.url()) != std::string::npos);
              return answer.took;
          }) < limit + slack);
    CHECK(wait(loop, [&] { return side.heard("witness_lost"); }));
    etcd.start();
    etcd.ready();
    CHECK(side.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::granted);
    CHECK(wait(loop, [&] { return side.heard("witness_back"); }));
}

TEST_CASE("an etcd that comes back within the limit still answers")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    etcd.kill();
    std::optional<Answer> got;
    side.port().decide({1, 0, left}, {2, 0, right}, 10s, [&](const Answer& a) { got = a; });
    etcd.start();
    REQUIRE(wait(loop, [&] { return got.has_value(); }));
    CHECK(got->kind == Answer::Kind::granted);
    CHECK(got->took < 9s);
}

TEST_CASE("an etcd that stands still is unreachable within the limit, and the loop goes on")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    etcd.freeze();
    auto took = event::Duration::max();
    const auto worst = shortest([&] {
        const TurnMeter meter(loop);
        const auto answer = side.decide({1, 0, left}, {2, 0, right}, limit);
        CHECK(answer.kind == Answer::Kind::unreachable);
        took = std::min(took, answer.took);
        return meter.worst();
    });
    CHECK(took < limit + slack);
    CHECK(worst < slack);
    etcd.thaw();
    // Puts that were under way may come in now: all of the same value.
    CHECK(side.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::granted);
    fmt::print("figure: longest turn with an etcd that stands still {:.1f} ms\n",
               milliseconds(worst));
}

namespace {

struct Took {
    event::Duration first;  ///< decision of a node that does not know yet who is dead
    event::Duration second; ///< the next one: the one that answered is asked first
    event::Duration turn;   ///< the longest of the loop meanwhile
};

Took decide_twice(event::Loop& loop, const std::vector<std::string>& endpoints)
{
    Side maker(loop, endpoints);
    REQUIRE(maker.create({1, 0, left}, Existing::replace).kind == Answer::Kind::granted);
    Side fresh(loop, endpoints);
    const TurnMeter meter(loop);
    const auto one = fresh.decide({1, 0, left}, {2, 0, left}, limit);
    const auto two = fresh.decide({2, 0, left}, {3, 0, left}, limit);
    CHECK(one.kind == Answer::Kind::granted);
    CHECK(two.kind == Answer::Kind::granted);
    return {one.took, two.took, meter.worst()};
}

} // namespace

TEST_CASE("a dead first endpoint does not eat the time of the second")
{
    event::Loop loop;
    Etcd etcd(loop);
    const Silent silent;
    for (const auto& dead : {nobody(), silent.url()}) {
        INFO(dead);
        Took best = decide_twice(loop, {dead, etcd.url()});
        for (int more = 0; more < 2; ++more) { // what else the machine does makes one long, not all
            const auto next = decide_twice(loop, {dead, etcd.url()});
            best = {std::min(best.first, next.first), std::min(best.second, next.second),
                    std::min(best.turn, next.turn)};
        }
        fmt::print("figure: decision with a {} first endpoint {:.1f} ms, limit {:.0f} ms\n",
                   dead == silent.url() ? "silent" : "closed", milliseconds(best.first),
                   milliseconds(limit));
        CHECK(best.first < limit * 2 / 3);
        CHECK(best.second < limit / 4);
        CHECK(best.turn < slack);
    }
}

TEST_CASE("a connection that leads nowhere is replaced within the limit")
{
    event::Loop loop;
    Etcd etcd(loop);
    Relay relay(loop, etcd.port());
    auto options = options_for({relay.url()});
    options.look_every = 1h; // a look would open a connection that the decision then takes
    Side side(loop, options);
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    REQUIRE(side.look().health == Health::well);
    (void)side.look(); // the one that the watch may have begun is over
    int refused = 0;
    for (int i = 0; i < 6; ++i) // leaves as many connections, all of which will lead nowhere
        side.port().create({1, 0, left}, Existing::keep, 5s, [&](const Answer&) { ++refused; });
    REQUIRE(wait(loop, [&] { return refused == 6; }));
    relay.forget();
    const auto long_limit = 3 * limit; // what is left of it is enough for a busy machine
    const auto answer = side.decide({1, 0, left}, {2, 0, right}, long_limit);
    INFO(answer.why);
    CHECK(answer.kind == Answer::Kind::granted);
    CHECK(answer.took >= long_limit / 4);
    fmt::print("figure: decision when the connection leads nowhere {:.1f} ms, limit {:.0f} ms\n",
               milliseconds(answer.took), milliseconds(long_limit));
}

TEST_CASE("an etcd that goes on within the limit still answers")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    etcd.freeze();
    event::Timer thaw(loop, [&] { etcd.thaw(); });
    thaw.start_in(limit / 2);
    CHECK(side.decide({1, 0, left}, {2, 0, right}, limit * 2).kind == Answer::Kind::granted);
}

TEST_CASE("all endpoints dead: each is named with what is wrong")
{
    event::Loop loop;
    const Silent silent;
    const auto closed = nobody();
    Side side(loop, {closed, silent.url()});
    const auto answer = side.decide({1, 0, left}, {2, 0, right}, limit);
    CHECK(answer.kind == Answer::Kind::unreachable);
    INFO(answer.why);
    CHECK(answer.why.find(closed) != std::string::npos);
    CHECK(answer.why.find(silent.url() + ": no answer in time") != std::string::npos);
    CHECK(side.wait_for(Health::lost));
}

TEST_CASE("a cluster of three decides while two of them live")
{
    event::Loop loop;
    std::vector<Etcd::Member> members{{"a"}, {"b"}, {"c"}};
    Etcd a(loop, members[0], members), b(loop, members[1], members), c(loop, members[2], members);
    for (auto* etcd : {&a, &b, &c}) etcd->ready();
    Side side(loop, {a.url(), b.url(), c.url()});
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    REQUIRE(side.wait_for(Health::well));
    a.kill();
    const auto answer = side.decide({1, 0, left}, {2, 0, right}, 5s);
    CHECK(answer.kind == Answer::Kind::granted);
    fmt::print("figure: decision after one of three was killed {:.1f} ms\n",
               milliseconds(answer.took));
    b.kill();
    CHECK(side.decide({2, 0, right}, {3, 0, left}, limit).kind == Answer::Kind::unreachable);
    b.start();
    b.ready();
    CHECK(side.decide({2, 0, right}, {3, 0, left}, 5s).kind == Answer::Kind::granted);
}
