#include "link/probe.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <optional>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

using namespace roleswap;
using namespace roleswap::link;
using namespace std::chrono_literals;

namespace {

ProbeResult ask(const std::vector<std::string>& addresses)
{
    event::Loop loop;
    Prober prober(loop, addresses);
    std::optional<ProbeResult> got;
    prober.ask([&](const ProbeResult& result) {
        got = result;
        loop.exit(0);
    });
    REQUIRE_FALSE(got); // later, not inside the call
    loop.run();
    REQUIRE(got);
    return *got;
}

} // namespace

TEST_CASE("a probe of a user without rights is answered all the same")
{
    const auto child = ::fork();
    if (child == 0) {
        const bool dropped = ::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0);
        event::Loop loop;
        Prober prober(loop, {"127.0.0.1"});
        bool good = false;
        prober.ask([&](const ProbeResult& result) {
            good = result.kind == ProbeResult::Kind::reached;
            loop.exit(0);
        });
        loop.run();
        ::_exit(dropped && good ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("a probe is answered by loopback addresses of both families")
{
    for (const auto* address : {"127.0.0.1", "127.0.9.9", "::1"}) {
        const auto result = ask({address});
        INFO(address << " " << result.why);
        REQUIRE(result.kind == ProbeResult::Kind::reached);
        CHECK(result.address == address);
        CHECK(result.took < 100ms);
        fmt::print("figure: probe of {} took {:.3f} ms\n", address,
                   static_cast<double>(result.took.count()) / 1000);
    }
}

TEST_CASE("one address that answers is enough")
{
    const auto result = ask({"192.0.2.77", "127.0.0.1"});
    CHECK(result.kind == ProbeResult::Kind::reached);
    CHECK(result.address == "127.0.0.1");
}

TEST_CASE("addresses that nobody has end in none reached after the time-out")
{
    const auto result = ask({"192.0.2.77"}); // RFC 5737
    CHECK(result.kind == ProbeResult::Kind::none_reached);
    CHECK(result.took >= 150ms);
    CHECK(result.took < 400ms);
}

TEST_CASE("no address at all is told as such")
{
    CHECK(ask({}).kind == ProbeResult::Kind::none_configured);
}

TEST_CASE("what is no address is refused")
{
    event::Loop loop;
    CHECK_THROWS_AS(Prober(loop, {"gateway.example"}), std::invalid_argument);
}

TEST_CASE("those who ask meanwhile each have their full time")
{
    event::Loop loop;
    Prober prober(loop, {"192.0.2.77"});
    std::vector<event::Duration> took;
    const auto note = [&](const ProbeResult& result) {
        took.push_back(result.took);
        if (took.size() == 2) loop.exit(0);
    };
    prober.ask(note);
    event::Timer second(loop, [&] { prober.ask(note); });
    second.start_in(70ms);
    loop.run();
    REQUIRE(took.size() == 2);
    for (const auto time : took) CHECK((time >= 150ms && time < 400ms));
}
