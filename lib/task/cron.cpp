#include "task/cron.hpp"
#include "task/cron_field.hpp"
#include "task/error.hpp"
#include <array>
#include <bit>
#include <fmt/format.h>

// Local times are written as Time, too: the UTC instant at which a clock in UTC would show the
// same.

namespace roleswap::task {
namespace {

using namespace std::chrono;

/// Long enough for 29 February on one given weekday, also over a year such as 2100.
constexpr int search_years = 41;
/// A clock that is moved by this much or more is corrected, not switched (cron(8)): nothing is
/// caught up and nothing held back.
constexpr hours correction{3};

bool has(std::uint64_t bits, unsigned value)
{
    return (bits >> value & 1U) != 0;
}

bool matches_day(const Cron& cron, sys_days day, const year_month_day& date)
{
    const bool day_of_month = has(cron.days, unsigned{date.day()});
    const bool day_of_week = has(cron.weekdays, weekday{day}.c_encoding());
    if (cron.any_day || cron.any_weekday) return day_of_month && day_of_week;
    return day_of_month || day_of_week;
}

/// The first minute of the day that matches, from `from` minutes after midnight; -1 if none.
int first_minute(const Cron& cron, int from)
{
    for (int hour = from / 60; hour < 24; ++hour, from = hour * 60) {
        if (!has(cron.hours, static_cast<unsigned>(hour))) continue;
        const auto minutes = cron.minutes >> (from % 60);
        if (minutes != 0) return from + std::countr_zero(minutes);
    }
    return -1;
}

sys_days next_month(const year_month_day& date)
{
    return sys_days{(date.year() / date.month() / 1) + months{1}};
}

/// The first local minute that matches, at or after `from`.
std::optional<Time> next_local(const Cron& cron, Time from)
{
    const auto start = ceil<minutes>(from);
    auto day = floor<days>(start);
    auto minute = static_cast<int>((start - day).count());
    const auto last_year = year_month_day{day}.year() + years{search_years};
    for (;;) {
        const year_month_day date{day};
        if (date.year() > last_year) return std::nullopt;
        if (!has(cron.months, unsigned{date.month()})) {
            day = next_month(date);
        } else {
            const int found = matches_day(cron, day, date) ? first_minute(cron, minute) : -1;
            if (found >= 0) return day + minutes{found};
            day += days{1};
        }
        minute = 0;
    }
}

/// How far the clock was moved at the begin of `segment`.
seconds shift_at_begin(const Zone& zone, const ZoneSegment& segment)
{
    const auto shift = segment.offset - zone.at(segment.begin - seconds{1}).offset;
    return abs(shift) < correction ? shift : seconds{0};
}

/// Where fixed times begin to count in a segment: after what the clock shows a second time.
Time first_local(const Cron& cron, const Zone& zone, const ZoneSegment& segment)
{
    const auto local = segment.begin + segment.offset;
    if (cron.wild) return local;
    const auto shift = shift_at_begin(zone, segment);
    return shift < seconds{0} ? local - shift : local;
}

/// Whether a fixed time lies in the interval that the clock skips at the begin of `segment`.
bool due_at_begin(const Cron& cron, const Zone& zone, const ZoneSegment& segment)
{
    if (cron.wild) return false;
    const auto shift = shift_at_begin(zone, segment);
    if (shift <= seconds{0}) return false;
    const auto resumed = segment.begin + segment.offset;
    const auto skipped = next_local(cron, resumed - shift);
    return skipped && *skipped < resumed;
}

bool is_first_segment(const ZoneSegment& segment)
{
    return segment.begin == Time::min();
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

std::optional<Time> next(const Cron& cron, const Zone& zone, Time after)
{
    auto now = after + seconds{1};
    auto segment = zone.at(now);
    auto from = now + segment.offset;
    if (!is_first_segment(segment)) from = std::max(from, first_local(cron, zone, segment));
    if (now == segment.begin && due_at_begin(cron, zone, segment)) return now;
    auto local = next_local(cron, from);
    while (local && *local - segment.offset >= segment.end) {
        now = segment.end;
        segment = zone.at(now);
        if (due_at_begin(cron, zone, segment)) return now;
        const auto begin = first_local(cron, zone, segment);
        // Only a clock that went back can show a match before the one that is known.
        if (begin < from || *local < begin) local = next_local(cron, begin);
        from = begin;
    }
    if (!local) return std::nullopt;
    return *local - segment.offset;
}

std::uint64_t count(const Cron& cron, const Zone& zone, Time after, Time until)
{
    const auto per_day = static_cast<std::uint64_t>(std::popcount(cron.minutes)) *
                         static_cast<std::uint64_t>(std::popcount(cron.hours));
    std::uint64_t total = 0;
    auto time = next(cron, zone, after);
    while (time && *time <= until) {
        // A day that is whole in every respect has the same number of due times as any other.
        const auto segment = zone.at(*time);
        const auto day = floor<days>(*time + segment.offset);
        const auto begin = day - segment.offset;
        const auto end = begin + days{1};
        const bool whole =
            begin > after && end <= until && end <= segment.end &&
            (is_first_segment(segment) || day >= first_local(cron, zone, segment) + days{1});
        total += whole ? per_day : 1;
        after = whole ? end - seconds{1} : *time;
        time = next(cron, zone, after);
    }
    return total;
}

} // namespace roleswap::task
