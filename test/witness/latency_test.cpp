#include "setting.hpp"
#include "witness/secret.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

void measure(const char* what, Side& side, Verdict now)
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
    fmt::print("figure: decision {}: p50 {:.2f} ms, p99 {:.2f} ms, worst {:.2f} ms\n", what,
               milliseconds(took[150]), milliseconds(took[297]), milliseconds(took.back()));
    CHECK(took[150] < 50ms);
}

} // namespace

TEST_CASE("how long a decision takes")
{
    event::Loop loop;
    {
        Etcd etcd(loop);
        Side side(loop, {etcd.url()});
        REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
        measure("in the clear", side, {1, 0, left});
    }
    const Certificates certificates(loop);
    Etcd etcd(loop, &certificates);
    auto options = options_for({etcd.url()});
    options.tls = {witness::read_file(certificates.file("ca.pem"), witness::Readers::anybody),
                   witness::read_file(certificates.file("client.pem"), witness::Readers::anybody),
                   witness::read_file(certificates.file("client.key"), witness::Readers::owner)};
    Side side(loop, options);
    REQUIRE(side.create({1, 0, left}).kind == Answer::Kind::granted);
    measure("over TLS", side, {1, 0, left});
}
