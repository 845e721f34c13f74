#include "task/error.hpp"
#include "task/policy.hpp"
#include <catch2/catch.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

using namespace roleswap::task;
using namespace std::chrono;

namespace {

/// "2026-03-29 01:00" or with seconds, in UTC.
Time at(const std::string& text)
{
    int y = 0;
    unsigned m = 0;
    unsigned d = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    REQUIRE(std::sscanf(text.c_str(), "%d-%u-%u %d:%d:%d", &y, &m, &d, &hour, &minute, &second) >=
            5);
    return sys_days{year{y} / month{m} / day{d}} + hours{hour} + minutes{minute} + seconds{second};
}

std::string text(Time time)
{
    const auto midnight = floor<days>(time);
    const year_month_day date{midnight};
    const hh_mm_ss clock{time - midnight};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", int{date.year()},
                       unsigned{date.month()}, unsigned{date.day()}, clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

std::string text(std::optional<Time> time)
{
    return time ? text(*time) : "never";
}

/// All due times in (after, until], "03-29 01:00" each, for one year.
std::vector<std::string> dues(const Schedule& schedule, Time after, Time until)
{
    std::vector<std::string> list;
    for (auto due = schedule.next(after); due && *due <= until; due = schedule.next(*due))
        list.push_back(text(*due).substr(5, 11));
    return list;
}
using Texts = std::vector<std::string>;

Schedule schedule(const char* rule, const char* zone = "UTC")
{
    return parse_schedule(rule, Zone::named(zone));
}

std::string fault(const char* rule)
{
    try {
        schedule(rule);
    } catch (const Error& error) {
        return fmt::format("{}: {}", error.column(), error.what());
    }
    return "no fault";
}

} // namespace

TEST_CASE("five fields say when a task is due", "[task]")
{
    struct Row {
        const char* rule;
        const char* after;
        const char* next;
    };
    const auto row = GENERATE(
        Row{"* * * * *", "2026-01-01 00:00", "2026-01-01 00:01:00"},
        Row{"* * * * *", "2026-01-01 00:00:59", "2026-01-01 00:01:00"},
        Row{"0 0 * * *", "2026-01-01 00:00", "2026-01-02 00:00:00"},
        Row{"*/15 * * * *", "2026-01-01 00:46", "2026-01-01 01:00:00"},
        Row{"5-55/10 * * * *", "2026-01-01 00:55", "2026-01-01 01:05:00"},
        Row{"1,2,59 3 * * *", "2026-01-01 03:02", "2026-01-01 03:59:00"},
        Row{"0 9-17/4 * * *", "2026-01-01 13:00", "2026-01-01 17:00:00"},
        Row{"59 23 31 12 *", "2026-01-01 00:00", "2026-12-31 23:59:00"},
        Row{"59 23 31 12 *", "2026-12-31 23:59", "2027-12-31 23:59:00"},
        Row{"0 0 1 1 *", "2026-12-31 23:59:59", "2027-01-01 00:00:00"},
        Row{"0 0 1 jan *", "2026-01-01 00:00", "2027-01-01 00:00:00"},
        Row{"0 0 * * Mon", "2026-01-01 00:00", "2026-01-05 00:00:00"},
        Row{"0 0 * * 0", "2026-01-01 00:00", "2026-01-04 00:00:00"},
        Row{"0 0 * * 7", "2026-01-01 00:00", "2026-01-04 00:00:00"},
        Row{"0 0 * * 5-7", "2026-01-03 00:00", "2026-01-04 00:00:00"},
        Row{"0 0 * * sun-tue", "2026-01-04 00:00", "2026-01-05 00:00:00"},
        Row{"0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00:00"},
        Row{"0 0 30 2 *", "2026-01-01 00:00", "never"},
        Row{"0 0 31 4,6,9,11 *", "2026-01-01 00:00", "never"},
        Row{"0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00:00"},
        Row{"0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00:00"},
        Row{"0 0 29 2 */7", "2088-02-29 00:00", "2128-02-29 00:00:00"},
        Row{"0 0 13 * 5", "2026-01-01 00:00", "2026-01-02 00:00:00"},   // either day
        Row{"0 0 13 * 5", "2026-01-09 00:00", "2026-01-13 00:00:00"},   // either day
        Row{"0 0 */2 * 5", "2026-01-01 00:00", "2026-01-09 00:00:00"},  // * in one: both days
        Row{"0 0 13 * */5", "2026-01-01 00:00", "2026-02-13 00:00:00"}, // * in one: both days
        Row{"0 0 30 2 1", "2026-01-01 00:00", "2026-02-02 00:00:00"},
        Row{"@yearly", "2026-01-01 00:00", "2027-01-01 00:00:00"},
        Row{"@annually", "2026-06-01 00:00", "2027-01-01 00:00:00"},
        Row{"@monthly", "2026-01-01 00:00", "2026-02-01 00:00:00"},
        Row{"@weekly", "2026-01-01 00:00", "2026-01-04 00:00:00"},
        Row{"@daily", "2026-01-01 00:00", "2026-01-02 00:00:00"},
        Row{"@midnight", "2026-01-01 12:00", "2026-01-02 00:00:00"},
        Row{"@hourly", "2026-01-01 00:00", "2026-01-01 01:00:00"},
        Row{"@reboot", "2026-01-01 00:00", "never"},
        Row{"every 1s", "2026-01-01 00:00:07", "2026-01-01 00:00:08"},
        Row{"every 10s", "2026-01-01 00:00:10", "2026-01-01 00:00:20"},
        Row{"every  1h30m", "2026-01-01 00:00", "2026-01-01 01:30:00"},
        Row{"every 7m", "1970-01-01 00:06:59", "1970-01-01 00:07:00"},
        Row{"every 10s", "1969-12-31 23:59:59", "1970-01-01 00:00:00"},
        Row{"every 10s", "1969-12-31 23:59:45", "1969-12-31 23:59:50"},
        Row{"every 1d", "2026-01-01 05:00", "2026-01-02 00:00:00"});
    INFO(row.rule << " after " << row.after);
    CHECK(text(schedule(row.rule).next(at(row.after))) == row.next);
}

TEST_CASE("what is no schedule is refused with its column", "[task]")
{
    struct Row {
        const char* rule;
        const char* message;
    };
    const auto row = GENERATE(
        Row{"", "1: no minute in \"\"; allowed: five fields: minute hour day-of-month month "
                "day-of-week"},
        Row{"* * *", "6: no month in \"* * *\"; allowed: five fields: minute hour day-of-month "
                     "month day-of-week"},
        Row{"0 0 * * * true", "11: \"true\" after the day-of-week; allowed: five fields: minute "
                              "hour day-of-month month day-of-week"},
        Row{"0 5,24 * * *", "5: hour \"24\"; allowed: 0 to 23"},
        Row{"every 500ms", "7: period \"500ms\"; allowed: whole seconds from 1s to 366d, such as "
                           "10s, 5m, 1h30m"},
        Row{"every 1s500ms", "7: period \"1s500ms\"; allowed: whole seconds from 1s to 366d, such "
                             "as 10s, 5m, 1h30m"},
        Row{"every 10", "7: period \"10\"; allowed: whole seconds from 1s to 366d, such as 10s, "
                        "5m, 1h30m"},
        Row{"every", "6: period \"\"; allowed: whole seconds from 1s to 366d, such as 10s, 5m, "
                     "1h30m"},
        Row{"@weakly", "1: unknown schedule \"@weakly\", did you mean \"@weekly\"?; allowed: "
                       "@yearly @annually @monthly @weekly @daily @midnight @hourly @reboot"});
    CHECK(fault(row.rule) == row.message);
    CHECK_THROWS_WITH(Zone::named("Europe/Berln"),
                      "time zone \"Europe/Berln\"; allowed: an IANA name such as "
                      "\"Europe/Berlin\", or \"UTC\"");
}

TEST_CASE("Berlin's skipped hour: fixed times at once, wild ones not", "[task]")
{
    // 2026-03-29 02:00 CET becomes 03:00 CEST at 01:00 UTC.
    const auto night = [](const char* rule) {
        return dues(schedule(rule, "Europe/Berlin"), at("2026-03-28 23:00"),
                    at("2026-03-29 03:30"));
    };
    CHECK(night("30 2 * * *") == Texts{"03-29 01:00"});
    CHECK(night("0 2 * * *") == Texts{"03-29 01:00"});
    CHECK(night("0 3 * * *") == Texts{"03-29 01:00"});
    CHECK(night("30 1,2,3 * * *") == Texts{"03-29 00:30", "03-29 01:00", "03-29 01:30"});
    CHECK(night("10,20 2 * * *") == Texts{"03-29 01:00"}); // one instant, one run
    CHECK(night("59 1 * * *") == Texts{"03-29 00:59"});
    CHECK(night("0 * * * *") == Texts{"03-29 00:00", "03-29 01:00", "03-29 02:00", "03-29 03:00"});
    CHECK(night("*/30 2 * * *").empty());
    CHECK(night("30 */2 * * *") == Texts{"03-28 23:30", "03-29 02:30"});
    CHECK(night("30 2 29 3 *") == Texts{"03-29 01:00"});
    CHECK(night("30 2 30 3 *").empty());
    CHECK(dues(schedule("30 2 * * *", "Europe/Berlin"), at("2026-03-27 12:00"),
               at("2026-03-31 12:00")) ==
          Texts{"03-28 01:30", "03-29 01:00", "03-30 00:30", "03-31 00:30"});
    // Asked within the second of the change, and just after it.
    const auto fixed = schedule("30 2 * * *", "Europe/Berlin");
    CHECK(text(fixed.next(at("2026-03-29 00:59:59"))) == "2026-03-29 01:00:00");
    CHECK(text(fixed.next(at("2026-03-29 01:00:00"))) == "2026-03-30 00:30:00");
}

TEST_CASE("Berlin's repeated hour: fixed times once, wild ones twice", "[task]")
{
    // 2026-10-25 03:00 CEST becomes 02:00 CET at 01:00 UTC.
    const auto night = [](const char* rule) {
        return dues(schedule(rule, "Europe/Berlin"), at("2026-10-24 22:00"),
                    at("2026-10-25 02:30"));
    };
    CHECK(night("30 2 * * *") == Texts{"10-25 00:30"});
    CHECK(night("0 2 * * *") == Texts{"10-25 00:00"});
    CHECK(night("0 3 * * *") == Texts{"10-25 02:00"});
    CHECK(night("0 2,3 * * *") == Texts{"10-25 00:00", "10-25 02:00"});
    CHECK(night("30 * * * *") ==
          Texts{"10-24 22:30", "10-24 23:30", "10-25 00:30", "10-25 01:30", "10-25 02:30"});
    CHECK(night("*/30 2 * * *") ==
          Texts{"10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30"});
    CHECK(text(schedule("30 2 * * *", "Europe/Berlin").next(at("2026-10-25 01:15"))) ==
          "2026-10-26 01:30:00");
}

TEST_CASE("Lord Howe moves its clock by half an hour", "[task]")
{
    // 2026-10-04 02:00 +10:30 becomes 02:30 +11 at 2026-10-03 15:30 UTC; back on 2026-04-05.
    const auto zone = "Australia/Lord_Howe";
    const auto spring = [&](const char* rule) {
        return dues(schedule(rule, zone), at("2026-10-03 14:00"), at("2026-10-03 17:00"));
    };
    CHECK(spring("15 2 * * *") == Texts{"10-03 15:30"});
    CHECK(spring("30 2 * * *") == Texts{"10-03 15:30"});
    CHECK(spring("45 2 * * *") == Texts{"10-03 15:45"});
    CHECK(spring("*/15 2 * * *") == Texts{"10-03 15:30", "10-03 15:45"});
    // 2026-04-05 02:00 +11 becomes 01:30 +10:30 at 2026-04-04 15:00 UTC.
    const auto autumn = [&](const char* rule) {
        return dues(schedule(rule, zone), at("2026-04-04 13:00"), at("2026-04-04 16:00"));
    };
    CHECK(autumn("45 1 * * *") == Texts{"04-04 14:45"});
    CHECK(autumn("15 1 * * *") == Texts{"04-04 14:15"});
    CHECK(autumn("45 * * * *") == Texts{"04-04 13:45", "04-04 14:45", "04-04 15:15"});
}

TEST_CASE("a jump of the zone over a whole day is not made up", "[task]")
{
    // Samoa had no 2011-12-30: 24 hours at 2011-12-30 10:00 UTC.
    CHECK(dues(schedule("0 12 * * *", "Pacific/Apia"), at("2011-12-28 00:00"),
               at("2012-01-01 00:00")) ==
          Texts{"12-28 22:00", "12-29 22:00", "12-30 22:00", "12-31 22:00"});
}

namespace {

/// cron's own loop (Vixie, cron.c): a virtual clock in local minutes that follows the real one.
class VirtualClockCron {
public:
    VirtualClockCron(const Cron& cron, const Zone& zone) : cron_(cron), zone_(zone) {}

    std::set<Time> runs(Time from, Time until)
    {
        std::set<Time> found;
        auto virtual_time = local(from);
        for (auto now = from + minutes{1}; now <= until; now += minutes{1}) {
            const auto real = local(now);
            const auto moved = (real - virtual_time) / minutes{1};
            if (moved == 1 || moved > 180 || moved < -180) {
                virtual_time = real;
                if (matches(real)) found.insert(now);
                continue;
            }
            if (cron_.wild && matches(real)) found.insert(now);
            while (virtual_time < real) {
                virtual_time += minutes{1};
                if (!cron_.wild && matches(virtual_time)) found.insert(now);
            }
        }
        return found;
    }

private:
    Time local(Time time) const { return time + zone_.at(time).offset; }

    bool matches(Time local_time) const
    {
        const auto midnight = floor<days>(local_time);
        const year_month_day date{midnight};
        const auto minute = (local_time - midnight) / minutes{1};
        const auto bit = [](std::uint64_t bits, auto n) { return (bits >> n & 1U) != 0; };
        const bool dom = bit(cron_.days, unsigned{date.day()});
        const bool dow = bit(cron_.weekdays, weekday{midnight}.c_encoding());
        const bool day = cron_.any_day || cron_.any_weekday ? dom && dow : dom || dow;
        return bit(cron_.minutes, minute % 60) && bit(cron_.hours, minute / 60) &&
               bit(cron_.months, unsigned{date.month()}) && day;
    }

    Cron cron_;
    Zone zone_;
};

std::string random_rule(std::mt19937& random)
{
    const auto pick = [&](std::initializer_list<const char*> choices) {
        return *(choices.begin() + random() % choices.size());
    };
    const auto minute = pick({"*", "*/7", "0", "30", "15,45", "1-59/13", "0-59", "59"});
    const auto hour = pick({"*", "*/2", "0", "1", "2", "3", "1-3", "0-23", "0,2", "23"});
    const auto day = pick({"*", "*", "*", "*/2", "1-31", "29", "4,5,25"});
    const auto weekday_text = pick({"*", "*", "*", "0", "1-5", "*/2"});
    return fmt::format("{} {} {} * {}", minute, hour, day, weekday_text);
}

} // namespace

TEST_CASE("random schedules are due when cron's own loop runs them", "[task]")
{
    struct Change {
        const char* zone;
        const char* around;
    };
    const auto change = GENERATE(
        Change{"Europe/Berlin", "2026-03-29 01:00"}, Change{"Europe/Berlin", "2026-10-25 01:00"},
        Change{"Australia/Lord_Howe", "2026-10-03 15:30"},
        Change{"Australia/Lord_Howe", "2026-04-04 15:00"},
        Change{"America/St_Johns", "2010-03-14 03:31"},
        Change{"America/St_Johns", "2010-11-07 02:31"},
        Change{"America/Sao_Paulo", "2018-11-04 03:00"},
        Change{"America/Sao_Paulo", "2019-02-17 02:00"}, Change{"Pacific/Apia", "2011-12-30 10:00"},
        Change{"America/Caracas", "2007-12-09 07:00"}, Change{"UTC", "2026-12-31 23:00"});
    const auto zone = Zone::named(change.zone);
    const auto from = at(change.around) - hours{40};
    const auto until = at(change.around) + hours{40};
    std::mt19937 random{20261122};
    for (int i = 0; i < 60; ++i) {
        const auto rule = random_rule(random);
        INFO(rule << " in " << change.zone << " around " << change.around);
        const auto tested = parse_schedule(rule, zone);
        std::set<Time> found;
        for (auto due = tested.next(from); due && *due <= until; due = tested.next(*due))
            found.insert(*due);
        CHECK(found == VirtualClockCron{parse_cron(rule), zone}.runs(from, until));
        CHECK(tested.due_between(from, until, 0).total == found.size());
        const auto newest = tested.due_between(from, until, 5).newest;
        CHECK(std::equal(newest.rbegin(), newest.rend(), found.rbegin()));
        CHECK(newest.size() == std::min<std::size_t>(5, found.size()));
        auto previous = tested.previous(until + seconds{1});
        for (auto due = found.rbegin(); due != found.rend(); ++due) {
            REQUIRE(previous == *due);
            previous = tested.previous(*due);
        }
    }
}

TEST_CASE("due times before a moment are found backward", "[task]")
{
    CHECK(text(schedule("0 0 29 2 *").previous(at("2026-01-01 00:00"))) == "2024-02-29 00:00:00");
    CHECK(text(schedule("0 0 1 1 *").previous(at("2026-01-01 00:00"))) == "2025-01-01 00:00:00");
    CHECK(text(schedule("0 0 30 2 *").previous(at("2026-01-01 00:00"))) == "never");
    CHECK(text(schedule("@reboot").previous(at("2026-01-01 00:00"))) == "never");
    CHECK(text(schedule("every 10s").previous(at("2026-01-01 00:00"))) == "2025-12-31 23:59:50");
    CHECK(text(schedule("every 10s").previous(at("2026-01-01 00:00:01"))) == "2026-01-01 00:00:00");
}

TEST_CASE("due times of a long absence are counted, the newest told", "[task]")
{
    const auto berlin = schedule("* * * * *", "Europe/Berlin");
    const auto year = berlin.due_between(at("2025-12-31 23:00"), at("2026-12-31 23:00"), 2);
    CHECK(year.total == 365 * 24 * 60);
    REQUIRE(year.newest.size() == 2);
    CHECK(text(year.newest[0]) == "2026-12-31 22:59:00");
    CHECK(text(year.newest[1]) == "2026-12-31 23:00:00");
    CHECK(schedule("30 2 * * *", "Europe/Berlin")
              .due_between(at("2025-12-31 23:00"), at("2026-12-31 23:00"), 0)
              .total == 365);
    const auto seconds_of_day =
        schedule("every 1s").due_between(at("2026-01-01 00:00"), at("2026-01-02 00:00"), 3);
    CHECK(seconds_of_day.total == 86400);
    CHECK(text(seconds_of_day.newest.front()) == "2026-01-01 23:59:58");
    CHECK(schedule("* * * * *")
              .due_between(at("2026-01-02 00:00"), at("2026-01-01 00:00"), 9)
              .total == 0);
    // Sparse: the newest are far apart.
    const auto leap =
        schedule("0 0 29 2 *").due_between(at("2000-01-01 00:00"), at("2026-01-01 00:00"), 2);
    CHECK(leap.total == 7);
    REQUIRE(leap.newest.size() == 2);
    CHECK(text(leap.newest[0]) == "2020-02-29 00:00:00");
}

TEST_CASE("late due times always run, older ones as catch-up says", "[task]")
{
    const auto plan = [](const char* rule, CatchUpPolicy policy, const char* from, const char* to) {
        const auto made = catch_up_plan(schedule(rule), policy, at(from), at(to));
        std::string list;
        for (const auto due : made.due) list += text(due).substr(11, 8) + " ";
        return fmt::format("{}skipped {}", list, made.skipped);
    };
    const auto hour = "0 * * * *";
    const CatchUpPolicy none{CatchUp::none, 100, 60s};
    const CatchUpPolicy newest{CatchUp::last, 100, 60s};
    const CatchUpPolicy all{CatchUp::all, 3, 60s};
    const auto day = "2026-01-01 00:00";
    CHECK(plan(hour, none, day, "2026-01-01 05:30") == "skipped 5");
    CHECK(plan(hour, newest, day, "2026-01-01 05:30") == "05:00:00 skipped 4");
    CHECK(plan(hour, all, day, "2026-01-01 05:30") == "03:00:00 04:00:00 05:00:00 skipped 2");
    CHECK(plan(hour, none, day, "2026-01-01 05:01") == "05:00:00 skipped 4");
    CHECK(plan(hour, none, day, "2026-01-01 05:01:01") == "skipped 5");
    CHECK(plan(hour, newest, day, "2026-01-01 05:00:30") == "05:00:00 skipped 4");
    CHECK(plan(hour, all, day, "2026-01-01 05:00:30") ==
          "02:00:00 03:00:00 04:00:00 05:00:00 skipped 1");
    CHECK(plan(hour, newest, day, "2026-01-01 00:59") == "skipped 0");
    CHECK(plan(hour, newest, day, day) == "skipped 0");
    CHECK(plan(hour, newest, day, "2025-12-31 00:00") == "skipped 0"); // the clock went back
    CHECK(plan("every 1s", none, day, "2026-01-01 00:00:02") == "00:00:01 00:00:02 skipped 0");
    CHECK(plan("every 20s", none, day, "2026-01-01 00:02:00") ==
          "00:01:00 00:01:20 00:01:40 00:02:00 skipped 2");
    CHECK(plan("@reboot", all, day, "2026-02-01 00:00") == "skipped 0");
    const CatchUpPolicy no_late{CatchUp::none, 100, 0s};
    CHECK(plan(hour, no_late, day, "2026-01-01 01:00") == "01:00:00 skipped 0");
    CHECK(plan(hour, no_late, day, "2026-01-01 01:00:01") == "skipped 1");
}

TEST_CASE("a task's own policy goes before the default of the pair", "[task]")
{
    Task task;
    const Defaults defaults{CatchUp::all, 7, 5s, "Europe/Berlin"};
    auto policy = catch_up_policy(task, defaults);
    CHECK(policy.catch_up == CatchUp::all);
    CHECK(policy.limit == 7);
    CHECK(policy.late_limit == 5s);
    task.catch_up = CatchUp::none;
    task.catch_up_limit = 9;
    task.late_limit = 0s;
    policy = catch_up_policy(task, defaults);
    CHECK(policy.catch_up == CatchUp::none);
    CHECK(policy.limit == 9);
    CHECK(policy.late_limit == 0s);
    task.schedule = "0 12 * * *";
    CHECK(text(schedule_of(task, defaults).next(at("2026-01-01 00:00"))) == "2026-01-01 11:00:00");
    task.timezone = "UTC";
    CHECK(text(schedule_of(task, defaults).next(at("2026-01-01 00:00"))) == "2026-01-01 12:00:00");
}

TEST_CASE("a due run starts, waits or is skipped by the overlap policy", "[task]")
{
    using enum OverlapDecision;
    for (const auto policy : {Overlap::skip, Overlap::queue, Overlap::parallel})
        CHECK(overlap_decision(policy, 0, 0) == start);
    CHECK(overlap_decision(Overlap::skip, 1, 0) == skip);
    CHECK(overlap_decision(Overlap::skip, 0, 1) == skip);
    CHECK(overlap_decision(Overlap::queue, 1, 0) == wait);
    CHECK(overlap_decision(Overlap::queue, 0, 1) == wait);
    CHECK(overlap_decision(Overlap::parallel, 3, 2) == start);
}

TEST_CASE("what follows the end of an attempt", "[task]")
{
    using Kind = RetryPlan::Kind;
    Task task;
    task.retries = 2;
    task.retry_delay = 5s;
    const RetryPlan done{Kind::done, 0ms, false};
    const RetryPlan counted{Kind::again, 5s, true};
    const RetryPlan free{Kind::again, 0ms, false};
    CHECK(retry_plan(task, 0, Outcome::succeeded) == done);
    CHECK(retry_plan(task, 0, Outcome::killed) == done);
    for (const auto outcome : {Outcome::failed, Outcome::not_started, Outcome::timed_out}) {
        CHECK(retry_plan(task, 0, outcome) == counted);
        CHECK(retry_plan(task, 1, outcome) == counted);
        CHECK(retry_plan(task, 2, outcome) == done);
    }
    CHECK(retry_plan(task, 2, Outcome::moved) == free);
    CHECK(retry_plan(task, 2, Outcome::unknown) == free);
    task.after_crash = AfterCrash::hold;
    CHECK(retry_plan(task, 0, Outcome::unknown).kind == Kind::hold);
}

namespace {

Task full_task()
{
    Task task;
    task.name = "nightly.backup_1-a";
    task.schedule = "30 2 * * *";
    task.timezone = "Europe/Berlin";
    task.command = "echo \"a\\b\" 'c'\n# \x01 tab\t end é";
    task.shell = "/bin/bash";
    task.user = "www-data";
    task.group = "adm";
    task.directory = "/srv";
    task.environment = {{"A", "1 = 2"}, {"PATH", "/bin"}, {"odd.name x", "y"}};
    task.umask = 027;
    task.input = "line 1\nline 2\n";
    task.queue = "slow";
    task.enabled = false;
    task.timeout = 90min;
    task.retries = 3;
    task.retry_delay = 1500ms;
    task.overlap = Overlap::queue;
    task.catch_up = CatchUp::all;
    task.catch_up_limit = 12;
    task.late_limit = 0s;
    task.after_crash = AfterCrash::hold;
    task.on_swap = OnSwap::move;
    task.mail_to = "root,admin@example.org";
    task.description = "\"all\" of it";
    return task;
}

std::string toml_fault(const std::string& body)
{
    try {
        parse_tasks("[[task]]\nname = \"a\"\nschedule = \"@daily\"\n" + body, "t");
    } catch (const FileError& error) {
        return error.what();
    }
    return "no fault";
}

std::string json_fault(const char* body)
{
    auto object = nlohmann::json::parse(R"({"name":"a","schedule":"@daily","command":"true"})");
    object.update(nlohmann::json::parse(body));
    try {
        from_json(object);
    } catch (const Error& error) {
        return error.what();
    }
    return "no fault";
}

} // namespace

TEST_CASE("tasks survive a file and the bus field by field", "[task]")
{
    Task small;
    small.name = "small";
    small.schedule = "every 10s";
    small.argv = {"/bin/echo", "", "a \"b\""};
    const std::vector<Task> tasks{full_task(), small};
    CHECK(parse_tasks(export_tasks(tasks), "t") == tasks);
    CHECK(export_tasks(std::vector{small}) ==
          "[[task]]\nname = \"small\"\nschedule = \"every "
          "10s\"\nargv = [\"/bin/echo\", \"\", \"a \\\"b\\\"\"]\n");
    for (const auto& task : tasks) CHECK(from_json(to_json(task)) == task);
    const auto object = to_json(full_task());
    CHECK(object.at("timeout_ms") == 5'400'000);
    CHECK(object.at("retry_delay_ms") == 1500);
    CHECK(object.at("umask") == "0027");
    CHECK(object.at("overlap") == "queue");
    CHECK(to_json(small).at("catch_up").is_null());
    CHECK(to_json(small).at("late_limit_ms").is_null());
    CHECK(parse_tasks("# nothing\n", "t").empty());
    CHECK(export_tasks({}).empty());
}

TEST_CASE("each fault in a file of tasks is told with its place", "[task]")
{
    struct Row {
        const char* body;
        const char* message;
    };
    const auto row = GENERATE(
        Row{"comand = \"true\"",
            "t:4:1: unknown key \"comand\", did you mean \"command\"?; allowed: name, description, "
            "schedule, timezone, command, argv, shell, user, group, directory, environment, umask, "
            "input, queue, enabled, timeout, retries, retry_delay, overlap, catch_up, "
            "catch_up_limit, late_limit, after_crash, on_swap, mail_to"},
        Row{"", "t:1:1: task \"a\" has no command; allowed: command (for a shell) or argv"},
        Row{"command = \"x\"\nargv = [\"x\"]",
            "t:1:1: task \"a\" has both command and argv; allowed: one of them"},
        Row{"command = 5", "t:4:11: command = 5; allowed: a text"},
        Row{"argv = [1]", "t:4:8: argv = a list; allowed: a list of texts, the program first"},
        Row{"argv = [\"\"]", "t:4:8: argv = a list; allowed: a list of texts, the program first"},
        Row{"timeout = 5", "t:4:11: timeout = 5; allowed: 0s (none) to 366d"},
        Row{"timeout = \"soon\"", "t:4:11: timeout = \"soon\"; allowed: 0s (none) to 366d"},
        Row{"retries = 1001", "t:4:11: retries = 1001; allowed: 0 to 1000"},
        Row{"retries = -1", "t:4:11: retries = -1; allowed: 0 to 1000"},
        Row{"umask = \"0999\"",
            "t:4:9: umask = \"0999\"; allowed: octal text from \"0000\" to \"0777\""},
        Row{"umask = 18", "t:4:9: umask = 18; allowed: octal text from \"0000\" to \"0777\""},
        Row{"overlap = \"maybe\"",
            "t:4:11: overlap = \"maybe\"; allowed: \"skip\", \"queue\" or \"parallel\""},
        Row{"catch_up = \"some\"",
            "t:4:12: catch_up = \"some\"; allowed: \"none\", \"last\" or \"all\""},
        Row{"enabled = \"yes\"", "t:4:11: enabled = \"yes\"; allowed: true or false"},
        Row{"directory = \"srv\"", "t:4:13: directory = \"srv\"; allowed: an absolute path"},
        Row{"timezone = \"Mars\"",
            "t:4:13: timezone = \"Mars\": time zone \"Mars\"; allowed: an IANA name such as "
            "\"Europe/Berlin\", or \"UTC\""},
        Row{"user = \"a b\"",
            "t:4:8: user = \"a b\"; allowed: the name of an account, at most 32 characters"},
        Row{"environment = { A = 1 }",
            "t:4:15: environment = a table; allowed: a table of NAME = \"value\""},
        Row{"environment = { \"A=B\" = \"1\" }",
            "t:4:15: environment = a table; allowed: a table of NAME = \"value\""},
        Row{"queue = \"\"",
            "t:4:9: queue = \"\"; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
        Row{"command = \"x\"\n[[task]]\nname = \"a\"\nschedule = \"@daily\"\ncommand = \"x\"",
            "t:5:1: a second task \"a\", the first is in line 1; allowed: each name once"},
        Row{"command = \"x\"\n[[task]]\nname = \"b\"\nschedule = \"5 24 * * *\"\ncommand = \"x\"",
            "t:7:15: schedule = \"5 24 * * *\": hour \"24\"; allowed: 0 to 23"},
        Row{"command = \"x\"\n[[task]]\ncommand = \"x\"",
            "t:5:1: a task has no name; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
        Row{"command = \"x\"\n[[task]]\nname = \"b\"\ncommand = \"x\"",
            "t:5:1: task \"b\" has no schedule; allowed: five cron fields, @daily and its kin, or "
            "every 10s"},
        Row{"command = \"x\"\n[tasks]\n", "t:5:2: \"tasks\"; allowed: [[task]] tables"});
    CHECK(toml_fault(row.body) == row.message);
}

TEST_CASE("the bus takes a task with known fields of the right kind only", "[task]")
{
    CHECK(json_fault("{}") == "no fault");
    CHECK(json_fault(R"({"timeout_ms":1000,"catch_up":null})") == "no fault");
    CHECK(json_fault(R"({"timout_ms":1000})").substr(0, 63) ==
          "unknown field \"timout_ms\", did you mean \"timeout_ms\"?; allowed:");
    CHECK(json_fault(R"({"timeout_ms":"5s"})") ==
          "timeout_ms = \"5s\"; allowed: 0s (none) to 366d");
    CHECK(json_fault(R"({"timeout_ms":-1})") == "timeout_ms = -1; allowed: 0s (none) to 366d");
    CHECK(json_fault(R"({"timeout_ms":18446744073709551615})") ==
          "timeout_ms = 18446744073709551615; allowed: 0s (none) to 366d");
    CHECK(json_fault(R"({"retries":1.5})") == "retries = 1.5; allowed: 0 to 1000");
    CHECK(json_fault(R"({"user":null})") ==
          "user = null; allowed: the name of an account, at most 32 characters");
    CHECK(json_fault(R"({"catch_up":5})") ==
          "catch_up = 5; allowed: \"none\", \"last\" or \"all\"");
    CHECK(json_fault(R"({"argv":["x"]})") ==
          "task \"a\" has both command and argv; allowed: one of them");
    CHECK(json_fault(R"({"environment":{"A":1}})") ==
          "environment = {\"A\":1}; allowed: a table of NAME = \"value\"");
    CHECK(json_fault(R"({"schedule":"x"})") == "minute \"x\"; allowed: 0 to 59");
    CHECK_THROWS_WITH(from_json(nlohmann::json::parse("[]")),
                      "task = []; allowed: an object with the fields of a task");
}
