#include "setting.hpp"
#include "witness/gateway.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

TEST_CASE("a register that nobody made is not made by a decision")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    for (int i = 0; i < 2; ++i) {
        const auto answer = side.decide({1, 0, left}, {2, 0, right});
        CHECK(answer.kind == Answer::Kind::wiped);
        CHECK(answer.why.find("witness init") != std::string::npos);
    }
    CHECK(side.wait_for(Health::wiped));
    CHECK_FALSE(side.look().endpoints[0].found);
}

TEST_CASE("init makes the register once, and replaces it only when told to")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    CHECK(side.create({4, 0, left}).kind == Answer::Kind::granted);
    CHECK(side.look().verdict == Verdict{4, 0, left});
    const auto second = side.create({5, 0, right});
    CHECK(second.kind == Answer::Kind::refused);
    CHECK(second.found == Verdict{4, 0, left});
    CHECK(side.create({3, 0, right}, Existing::replace).kind == Answer::Kind::granted);
    CHECK(side.look().verdict == Verdict{3, 0, right});
    CHECK(side.look().health == Health::well);
}

TEST_CASE("a decision is granted once, again to who repeats it, and to nobody else")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side one(loop, {etcd.url()});
    Side two(loop, {etcd.url()});
    REQUIRE(one.create({1, 0, left}).kind == Answer::Kind::granted);
    const Verdict seen{1, 0, left};
    CHECK(one.decide(seen, {2, 0, right}).kind == Answer::Kind::granted);
    const auto revision = one.revision();
    // Put again: what was read before cannot be put upon any more.
    CHECK(one.decide(seen, {2, 0, right}).kind == Answer::Kind::granted);
    CHECK(one.revision() == revision + 1);
    CHECK(two.decide(seen, {2, 0, right}).kind == Answer::Kind::granted);

    const auto refused = two.decide(seen, {1, 1, left});
    CHECK(refused.kind == Answer::Kind::refused);
    CHECK(refused.found == Verdict{2, 0, right});
    const auto later = two.decide(seen, {1, 9, right});
    CHECK(later.kind == Answer::Kind::granted);
    CHECK(later.found == Verdict{2, 0, right}); // its own later verdict stays
    CHECK(one.look().verdict == Verdict{2, 0, right});
    CHECK(two.decide({9, 0, left}, {9, 1, left}).kind == Answer::Kind::granted);
}

TEST_CASE("a later question ends an earlier one, which puts nothing more")
{
    event::Loop loop;
    Etcd etcd(loop);
    auto options = options_for({etcd.url()});
    options.look_every = 1h;
    Side side(loop, options);
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    (void)side.look();
    bool answered = false;
    side.port().decide({1, 0, left}, {7, 0, left}, 5s, [&](const Answer&) { answered = true; });
    CHECK(side.decide({1, 0, left}, {2, 0, left}).kind == Answer::Kind::granted);
    CHECK_FALSE(wait(
        loop, [&] { return answered; }, 100ms));
    CHECK(side.look().verdict == Verdict{2, 0, left});
}

TEST_CASE("who read the register before it was put again can put nothing")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side side(loop, {etcd.url()});
    const Verdict now{1, 0, left};
    REQUIRE(side.create(now).kind == Answer::Kind::granted);
    const auto read = side.look().endpoints[0].found;
    REQUIRE(side.decide(now, now).kind == Answer::Kind::granted);
    const witness::Names both{"left", "right"};
    const auto late = witness::put_body(witness::register_key("alpha"), read,
                                        witness::encode({2, 0, right}, both));
    const auto answer = nlohmann::json::parse(etcd.post(witness::txn_path, late));
    const auto put = witness::parse_put(answer, both);
    CHECK_FALSE(put.done);
    REQUIRE(put.found);
    CHECK(put.found->verdict == now);
    CHECK(put.found->mod_revision > read->mod_revision);
}

TEST_CASE("what a node remembers of the register does not count when it has changed")
{
    event::Loop loop;
    Etcd etcd(loop);
    auto options = options_for({etcd.url()});
    options.look_every = 1h;
    Side old(loop, options);
    Side other(loop, options);
    REQUIRE(old.create({1, 0, left}).kind == Answer::Kind::granted);
    REQUIRE(old.look().verdict == Verdict{1, 0, left});
    REQUIRE(other.decide({1, 0, left}, {2, 0, right}).kind == Answer::Kind::granted);
    // Asked in the turn in which it cannot have heard of it yet.
    CHECK(old.decide({1, 0, left}, {1, 1, left}).kind == Answer::Kind::refused);
}

TEST_CASE("of two that want the same epoch exactly one gets it, each time")
{
    event::Loop loop;
    Etcd etcd(loop);
    Side one(loop, {etcd.url()});
    Side two(loop, {etcd.url()});
    Verdict now{1, 0, left};
    REQUIRE(one.create(now).kind == Answer::Kind::granted);
    int firsts = 0;
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        std::optional<Answer> first, second;
        const Verdict a{now.epoch + 1, 0, left}, b{now.epoch + 1, 0, right};
        const auto ask_two = [&] {
            two.port().decide(now, b, 5s, [&](const Answer& answer) { second = answer; });
        };
        if (round % 2 == 0) ask_two();
        one.port().decide(now, a, 5s, [&](const Answer& answer) { first = answer; });
        if (round % 2 == 1) ask_two();
        REQUIRE(wait(loop, [&] { return first && second; }));
        const bool first_won = first->kind == Answer::Kind::granted;
        const auto& loser = first_won ? *second : *first;
        REQUIRE((first_won || second->kind == Answer::Kind::granted));
        REQUIRE(loser.kind == Answer::Kind::refused);
        REQUIRE(loser.found == (first_won ? a : b));
        firsts += first_won ? 1 : 0;
        now = first_won ? a : b;
    }
    fmt::print("figure: {} races, the first side won {}\n", rounds, firsts);
    CHECK(one.look().verdict == now);
}

TEST_CASE("a decision that several ask at once is granted to all, and holds")
{
    event::Loop loop;
    Etcd etcd(loop);
    std::vector<std::unique_ptr<Side>> sides;
    for (int i = 0; i < 4; ++i)
        sides.push_back(std::make_unique<Side>(loop, std::vector{etcd.url()}));
    Verdict now{1, 0, left};
    REQUIRE(sides[0]->create(now).kind == Answer::Kind::granted);
    for (int round = 0; round < 50; ++round) {
        const Verdict next{now.epoch + 1, 0, right};
        int granted = 0, answers = 0;
        for (const auto& side : sides) {
            side->port().decide(now, next, 5s, [&](const Answer& answer) {
                ++answers;
                granted += answer.kind == Answer::Kind::granted ? 1 : 0;
            });
        }
        REQUIRE(wait(loop, [&] { return answers == 4; }));
        REQUIRE(granted == 4);
        now = next;
    }
    CHECK(sides[0]->look().verdict == now);
}
