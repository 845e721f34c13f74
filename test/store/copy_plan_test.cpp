#include "store/copy_plan.hpp"
#include <catch2/catch.hpp>

using namespace roleswap::store;

TEST_CASE("the first copy is estimated by a sample, later ones by the copy before, too", "[copy]")
{
    CopyPlan plan{.data = 400'000'000};
    CHECK_THAT(plan.estimate(), Catch::Contains("how fast is not known yet"));
    plan.sample(100e6, 300e6);
    CHECK(plan.rate == Approx(75e6));
    CHECK_THAT(plan.estimate(),
               Catch::Contains("about 5 s at the 71.5 MiB/s of a short sample: line "
                               "95.4 MiB/s, disk 286.1 MiB/s"));
    CopyPlan later{.data = 400'000'000, .rate = 150e6};
    CHECK_THAT(later.estimate(), Catch::Contains("about 3 s at the 143.1 MiB/s of the last copy"));
    later.sample(100e6, 300e6);
    CHECK(later.rate == Approx(100e6));
    CHECK_FALSE(later.sampled);
    CHECK_THAT(
        later.estimate(),
        Catch::Contains("about 4 s at the 95.4 MiB/s of the last copy and a short sample: line"));
}

TEST_CASE("a slow begin counts little where a copy before is known", "[copy]")
{
    const CopyPlan known{.data = 1000, .rate = 80, .check_rate = 400}; // 100 while it copies
    CHECK(known.rate_after(0, 0) == Approx(100));
    CHECK(known.rate_after(50, 1) == Approx(300 / 3.5));
    CHECK(known.rate_after(1000, 20) == Approx(1250 / 22.5));
    CopyPlan sampled{.data = 1000};
    CHECK(sampled.rate_after(0, 0) == 0);
    sampled.sample(100, 100);
    CHECK(sampled.rate_after(50, 0.1) == Approx(50));
    CHECK(sampled.rate_after(50, 2) == Approx(25));
}

TEST_CASE("a disk that takes no sample gives no estimate", "[copy]")
{
    CopyPlan plan{.data = 1};
    plan.sample(100e6, 0);
    CHECK(plan.rate == 0);
}

TEST_CASE("the time left counts the check and the sync that follow", "[copy]")
{
    CopyProgress progress{.done = 250, .total = 1000, .rate = 50, .check_rate = 200};
    CHECK(progress.seconds_left() == Approx(15 + 5));
    progress.done = 1000;
    CHECK(progress.seconds_left() == Approx(5));
    progress.checked_for = 2;
    CHECK(progress.seconds_left() == Approx(3));
    progress.checked_for = 9;
    CHECK(progress.seconds_left() == 0);
    CHECK(CopyProgress{.done = 1, .total = 2}.seconds_left() == 0);
    // After a sample nothing is known of the check but that it is quicker than the copy.
    CHECK(CopyProgress{.done = 250, .total = 1200, .rate = 50}.seconds_left() == Approx(19 + 4));
}

TEST_CASE("room is refused with what is needed and what there is", "[copy]")
{
    const CopyPlan plan{.data = 100 << 20, .rate = 10 << 20, .wal_rate = 1 << 20};
    CHECK(plan.needed() == (100U << 20) + (64U << 20) + (20U << 20));
    CHECK_THAT(plan.refusal(5 << 20, "/there"),
               Catch::Contains("needs 184.0 MiB") && Catch::Contains("/there has 5.0 MiB free"));
}
