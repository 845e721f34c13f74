#include "task/error.hpp"
#include "task_times.hpp"
#include <ctime>

namespace roleswap::exclusions_test {

using namespace test;

namespace {

Schedule without(const char* rule, const char* zone, std::vector<std::string> dates)
{
    auto made = schedule(rule, zone);
    made.leave_out(Exclusions::parse(dates));
    return made;
}

/// Due times in so many years, found one after another.
int days_of(int years, const Schedule& daily)
{
    const auto end = at("2026-01-01 00:00") + std::chrono::years(years);
    int found = 0;
    for (auto due = daily.next(at("2026-01-01 00:00")); due && *due < end; due = daily.next(*due))
        ++found;
    return found;
}

} // namespace

TEST_CASE("nothing is due on an excluded date", "[calendar]")
{
    const auto daily =
        without("0 12 * * *", "UTC", {"2026-12-25", "01-01", "2026-12-27..2026-12-29"});
    CHECK(dues(daily, at("2026-12-23 12:00"), at("2027-01-02 12:00")) ==
          Texts{"12-24 12:00", "12-26 12:00", "12-30 12:00", "12-31 12:00", "01-02 12:00"});
    CHECK(daily.due_between(at("2026-12-23 12:00"), at("2027-01-02 12:00"), 0).total == 5);
    CHECK(daily.due_between(at("2026-12-27 00:00"), at("2026-12-29 23:00"), 9).total == 0);
    CHECK(text(daily.previous(at("2026-12-30 12:00"))) == "2026-12-26 12:00:00");
    // A range over the end of the year, every year.
    const auto closed = without("daily", "UTC", {"12-24..01-06"});
    CHECK(text(closed.next(at("2026-12-23 00:00"))) == "2027-01-07 00:00:00");
    CHECK(text(closed.next(at("2030-12-23 00:00"))) == "2031-01-07 00:00:00");
    const auto leap = without("daily", "UTC", {"02-29"});
    CHECK(text(leap.next(at("2028-02-28 00:00"))) == "2028-03-01 00:00:00");
    CHECK(text(leap.next(at("2026-02-28 00:00"))) == "2026-03-01 00:00:00");
}

TEST_CASE("excluded dates are those of the zone of the task", "[calendar]")
{
    const auto hourly = without("0 * * * *", "America/New_York", {"2026-12-25"});
    CHECK(text(hourly.next(at("2026-12-25 04:00"))) == "2026-12-26 05:00:00");
    CHECK(hourly.due_between(at("2026-12-24 00:00"), at("2026-12-28 00:00"), 0).total == 72);
    const auto named = without("*-*-* *:00 Asia/Kathmandu", "UTC", {"12-25"});
    CHECK(text(named.next(at("2026-12-24 17:16"))) == "2026-12-25 18:15:00");
    const auto every = without("every 1s", "Europe/Berlin", {"2026-03-29"}); // a day of 23 hours
    CHECK(text(every.next(at("2026-03-28 22:59:59"))) == "2026-03-29 22:00:00");
    CHECK(every.due_between(at("2026-03-28 22:00"), at("2026-03-29 23:00"), 2).total == 7200);
    CHECK(text(every.previous(at("2026-03-29 22:00:00"))) == "2026-03-28 22:59:59");
}

TEST_CASE("a task whose days are all excluded is never due", "[calendar]")
{
    const auto begun = std::clock(); // of this process: what else the machine does takes none of it
    CHECK_FALSE(without("12-25 08:00", "UTC", {"12-25"}).next(at("2026-01-01 00:00")));
    CHECK_FALSE(without("every 1s", "UTC", {"01-01..12-31"}).next(at("2026-01-01 00:00")));
    CHECK_FALSE(
        without("* * * * *", "Europe/Berlin", {"01-01..12-31"}).previous(at("2026-01-01 00:00")));
    const auto never = std::clock();
    CHECK(days_of(400, without("0 12 * * *", "UTC", {})) == 146'097);
    CHECK(never - begun < 20 * (std::clock() - never)); // measured: 1 to 2
}

TEST_CASE("an excluded date is passed over, not caught up", "[calendar]")
{
    Task task;
    task.schedule = "0 12 * * *";
    task.except = {"2026-12-24..2026-12-26"};
    task.catch_up = CatchUp::all;
    Defaults defaults;
    defaults.timezone = "UTC";
    const auto plan = catch_up_plan(schedule_of(task, defaults), catch_up_policy(task, defaults),
                                    at("2026-12-22 13:00"), at("2026-12-28 11:00"));
    REQUIRE(plan.due.size() == 2);
    CHECK(text(plan.due[0]) == "2026-12-23 12:00:00");
    CHECK(text(plan.due[1]) == "2026-12-27 12:00:00");
    CHECK(plan.skipped == 0);
}

TEST_CASE("what is no date is refused", "[calendar]")
{
    const auto bad = GENERATE("", "25", "2026-2-1", "2026-02-30", "13-01", "00-10", "12-25..",
                              "2026-12-25..12-31", "2026-12-31..2026-12-24", "2026/12/25", "1x-01",
                              "12-25 ", "2026-12-25...2026-12-26");
    INFO(bad);
    CHECK_THROWS_AS(Exclusions::parse({bad}), Error);
}

} // namespace roleswap::exclusions_test
