#include "setting.hpp"
#include "witness/secret.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

/// Middle of what etcd itself takes for a read and a write, one after the other: what a decision
/// cannot be quicker than.
event::Duration middle_of_bare(Etcd& etcd)
{
    std::vector<event::Duration> took;
    for (int i = 0; i < 100; ++i) {
        const auto began = event::Loop::now();
        etcd.post("/v3/kv/range", R"({"key":"eA=="})");
        etcd.post("/v3/kv/put", R"({"key":"eA==","value":"eA=="})");
        took.push_back(event::Loop::now() - began);
    }
    std::ranges::sort(took);
    return took[50];
}

void measure(const char* what, Side& side, Verdict now, event::Duration bare)
{
    std::vector<event::Duration> took;
    for (int i = 0; i < 300; ++i) {
        const Verdict next{now.epoch + 1, 0, left};
        const auto answer = side.decide(now, next);
        REQUIRE(answer.kind == Answer::Kind::granted);
        took.push_back(answer.took);
        now = next;
    }
    std::ranges::sort(took);
    fmt::print(
        "figure: decision {}: p50 {:.2f} ms, p99 {:.2f} ms, worst {:.2f} ms, read and put {:.2f}\n",
        what, milliseconds(took[150]), milliseconds(took[297]), milliseconds(took.back()),
        milliseconds(bare));
    CHECK(took[150] < 2 * bare);
}

} // namespace

TEST_CASE("how long a decision takes")
{
    event::Loop loop;
    {
        Etcd etcd(loop);
        Side side(loop, {etcd.url()});
        REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
        measure("in the clear", side, {1, 0, left}, middle_of_bare(etcd));
    }
    const Certificates certificates(loop);
    Etcd etcd(loop, &certificates);
    auto options = options_for({etcd.url()});
    options.tls = {witness::read_file(certificates.file("ca.pem"), witness::Readers::anybody),
                   witness::read_file(certificates.file("client.pem"), witness::Readers::anybody),
                   witness::read_file(certificates.file("client.key"), witness::Readers::owner)};
    Side side(loop, options);
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    measure("over TLS", side, {1, 0, left}, middle_of_bare(etcd));
}
