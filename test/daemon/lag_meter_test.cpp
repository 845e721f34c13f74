#include "lag_meter.hpp"
#include <catch2/catch.hpp>

namespace roleswap::lag_meter_test {

using roleswap::base::Lsn;
using roleswap::daemon::LagMeter;

TEST_CASE("a mirror that holds all is not behind", "[lag]")
{
    LagMeter lag;
    CHECK(lag.bytes() == 0);
    lag.note(1000, Lsn{500}, Lsn{500});
    CHECK(lag.bytes() == 0);
    CHECK(lag.behind(9000) == 0);
}

TEST_CASE("the age is that of the oldest byte that the mirror lacks", "[lag]")
{
    LagMeter lag;
    lag.note(1000, Lsn{500}, Lsn{400});
    lag.note(2000, Lsn{700}, Lsn{400});
    CHECK(lag.bytes() == 300);
    CHECK(lag.behind(5000) == 4000);
    lag.note(5000, Lsn{700}, Lsn{500});
    CHECK(lag.bytes() == 200);
    CHECK(lag.behind(5000) == 3000);
    lag.note(6000, Lsn{700}, Lsn{700});
    CHECK(lag.behind(6000) == 0);
}

TEST_CASE("another master, with a shorter log, begins anew", "[lag]")
{
    LagMeter lag;
    lag.note(1000, Lsn{900}, Lsn{100});
    lag.note(2000, Lsn{300}, Lsn{100});
    CHECK(lag.bytes() == 200);
    CHECK(lag.behind(2500) == 500); // since that one leads
}

TEST_CASE("a mirror that stays away for long costs little memory and keeps its age", "[lag]")
{
    LagMeter lag;
    for (std::uint64_t tick = 1; tick <= 5000; ++tick) lag.note(tick * 250, Lsn{tick}, Lsn{0});
    CHECK(lag.bytes() == 5000);
    CHECK(lag.behind(5000 * 250) == 4999 * 250);
}

} // namespace roleswap::lag_meter_test
