#pragma once
#include "task/error.hpp"
#include "task/policy.hpp"
#include <catch2/catch.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

/// Times as texts, for the tests of tasks.
namespace roleswap::test {

using namespace roleswap::task;
using namespace std::chrono;

/// "2026-03-29 01:00" or with seconds, in UTC.
inline Time at(const std::string& text)
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

inline std::string text(Time time)
{
    const auto midnight = floor<days>(time);
    const year_month_day date{midnight};
    const hh_mm_ss clock{time - midnight};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", int{date.year()},
                       unsigned{date.month()}, unsigned{date.day()}, clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

inline std::string text(std::optional<Time> time)
{
    return time ? text(*time) : "never";
}

/// All due times in (after, until], "03-29 01:00" each, for one year.
inline std::vector<std::string> dues(const Schedule& schedule, Time after, Time until)
{
    std::vector<std::string> list;
    for (auto due = schedule.next(after); due && *due <= until; due = schedule.next(*due))
        list.push_back(text(*due).substr(5, 11));
    return list;
}
using Texts = std::vector<std::string>;

inline Schedule schedule(const char* rule, const char* zone = "UTC")
{
    return parse_schedule(rule, Zone::named(zone));
}

/// What a text that is no schedule is refused with: "column: sentence".
inline std::string fault(const char* rule)
{
    try {
        schedule(rule);
    } catch (const Error& error) {
        return fmt::format("{}: {}", error.column(), error.what());
    }
    return "no fault";
}

} // namespace roleswap::test
