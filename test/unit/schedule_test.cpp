#include "task_times.hpp"
#include <random>
#include <set>

namespace roleswap::schedule_test {

using namespace test;

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

TEST_CASE("summer time goes on after the years that the zone files list", "[task]")
{
    struct Row {
        const char* zone;
        const char* after;
        const char* next;
    };
    const auto row = GENERATE( // by zdump -v and the C library
        Row{"Europe/Berlin", "2037-07-01 12:00", "2037-07-02 10:00:00"},
        Row{"Europe/Berlin", "2038-01-01 12:00", "2038-01-02 11:00:00"},
        Row{"Europe/Berlin", "2038-03-27 12:00", "2038-03-28 10:00:00"},
        Row{"Europe/Berlin", "2038-10-30 12:00", "2038-10-31 11:00:00"},
        Row{"Europe/Berlin", "2040-02-29 12:00", "2040-03-01 11:00:00"},
        Row{"Europe/Berlin", "2040-03-24 12:00", "2040-03-25 10:00:00"},
        Row{"Europe/Berlin", "2199-03-30 12:00", "2199-03-31 10:00:00"},
        Row{"America/New_York", "2050-03-12 17:00", "2050-03-13 16:00:00"},
        Row{"America/New_York", "2050-11-05 17:00", "2050-11-06 17:00:00"},
        Row{"Australia/Lord_Howe", "2100-01-15 02:00", "2100-01-16 01:00:00"},
        Row{"Asia/Kathmandu", "2100-06-01 06:15", "2100-06-02 06:15:00"});
    INFO(row.zone << " after " << row.after);
    CHECK(text(schedule("0 12 * * *", row.zone).next(at(row.after))) == row.next);
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

} // namespace roleswap::schedule_test
