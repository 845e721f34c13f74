#include "feeder.hpp"
#include <catch2/catch.hpp>

using roleswap::guard::Feeder;
using roleswap::guard::Micros;

namespace {

constexpr Micros second = 1'000'000;

/// How often it is fed in turns of 10 ms from `from` up to `to`.
int meals(Feeder& feeder, Micros from, Micros to)
{
    int count = 0;
    for (auto now = from; now < to; now += second / 100)
        if (feeder.due(now)) ++count;
    return count;
}

} // namespace

TEST_CASE("the hardware watchdog is fed four times per time-out while all is well", "[guard]")
{
    Feeder feeder(8 * second);
    CHECK(meals(feeder, 0, 8 * second) == 4);
    CHECK(meals(feeder, 8 * second, 16 * second) == 4);
}

TEST_CASE("it is fed while killed processes may still be on their way out", "[guard]")
{
    Feeder feeder(second);
    feeder.killing_since(0);
    CHECK(meals(feeder, 0, Feeder::limit) == 4);
    feeder.nothing_left();
    CHECK(meals(feeder, Feeder::limit, 3 * second) == 8);
}

TEST_CASE("it starves once something lives that was killed too long ago", "[guard]")
{
    Feeder feeder(second);
    feeder.killing_since(0);
    feeder.killing_since(second / 2); // each round says so; the first one counts
    CHECK_FALSE(feeder.gives_up(Feeder::limit));
    CHECK(feeder.gives_up(Feeder::limit + 1));
    CHECK(meals(feeder, Feeder::limit + 1, 100 * second) == 0);
    SECTION("and is fed again when it died at last, before the host was reset")
    {
        feeder.nothing_left();
        CHECK(feeder.due(100 * second));
    }
}
