#include "task/cron.hpp"
#include "task/bits.hpp"
#include "task/cron_field.hpp"
#include "task/error.hpp"
#include <array>
#include <bit>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

using namespace std::chrono;

/// Long enough for 29 February on one given weekday, also over a year such as 2100.
constexpr int search_years = 41;

bool matches_day(const Cron& cron, sys_days day, const year_month_day& date)
{
    const bool day_of_month = has_bit(cron.days, unsigned{date.day()});
    const bool day_of_week = has_bit(cron.weekdays, weekday{day}.c_encoding());
    if (cron.any_day || cron.any_weekday) return day_of_month && day_of_week;
    return day_of_month || day_of_week;
}

/// The first minute of the day that matches, from `from` minutes after midnight; -1 if none.
int first_minute(const Cron& cron, int from)
{
    for (int hour = from / 60; hour < 24; ++hour, from = hour * 60) {
        if (!has_bit(cron.hours, static_cast<unsigned>(hour))) continue;
        const auto minutes = cron.minutes >> (from % 60);
        if (minutes != 0) return from + std::countr_zero(minutes);
    }
    return -1;
}

sys_days next_month(const year_month_day& date)
{
    return sys_days{(date.year() / date.month() / 1) + months{1}};
}

} // namespace

Cron parse_cron(std::string_view text)
{
    constexpr std::string_view blanks = " \t";
    std::array<CronField, 5> fields;
    std::size_t at = 0;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto& kind = cron_field_kinds()[i];
        at = std::min(text.find_first_not_of(blanks, at), text.size());
        const auto end = std::min(text.find_first_of(blanks, at), text.size());
        const auto column = static_cast<unsigned>(at + 1);
        if (at == end)
            throw Error(column, fmt::format("no {} in \"{}\"", kind.name, text),
                        "five fields: minute hour day-of-month month day-of-week");
        fields[i] = parse_cron_field(kind, text.substr(at, end - at), column);
        at = end;
    }
    at = text.find_first_not_of(blanks, at);
    if (at != std::string_view::npos)
        throw Error(static_cast<unsigned>(at + 1),
                    fmt::format("\"{}\" after the day-of-week", text.substr(at)),
                    "five fields: minute hour day-of-month month day-of-week");
    const auto& [minute, hour, day, month, weekday] = fields;
    const auto weekdays = (weekday.bits | weekday.bits >> 7) & 0x7f; // 7 is Sunday too
    return {minute.bits,
            static_cast<std::uint32_t>(hour.bits),
            static_cast<std::uint32_t>(day.bits),
            static_cast<std::uint16_t>(month.bits),
            static_cast<std::uint8_t>(weekdays),
            day.star,
            weekday.star,
            minute.star || hour.star};
}

std::optional<Time> next_local(const Cron& cron, Time from)
{
    const auto start = ceil<minutes>(from);
    auto day = floor<days>(start);
    auto minute = static_cast<int>((start - day).count());
    const auto last_year = year_month_day{day}.year() + years{search_years};
    for (;;) {
        const year_month_day date{day};
        if (date.year() > last_year) return std::nullopt;
        if (!has_bit(cron.months, unsigned{date.month()})) {
            day = next_month(date);
        } else {
            const int found = matches_day(cron, day, date) ? first_minute(cron, minute) : -1;
            if (found >= 0) return day + minutes{found};
            day += days{1};
        }
        minute = 0;
    }
}

std::uint64_t per_day(const Cron& cron)
{
    return static_cast<std::uint64_t>(std::popcount(cron.minutes)) *
           static_cast<std::uint64_t>(std::popcount(cron.hours));
}

} // namespace roleswap::task
