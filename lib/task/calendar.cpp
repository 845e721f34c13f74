#include "task/calendar.hpp"
#include "task/bits.hpp"
#include <algorithm>
#include <bit>

namespace roleswap::task {
namespace {

using namespace std::chrono;

bool has_year(const Calendar& calendar, year wanted)
{
    return calendar.years.test(static_cast<std::size_t>(int{wanted} - calendar_year_min));
}

/// Days by their number or by their distance from the end of the month, and their weekday.
bool matches_day(const Calendar& calendar, sys_days day, const year_month_day& date)
{
    if (!has_bit(calendar.weekdays, weekday{day}.c_encoding())) return false;
    const auto number = unsigned{date.day()};
    if (calendar.days_from_end == 0) return has_bit(calendar.days, number);
    const auto last = unsigned{(date.year() / date.month() / std::chrono::last).day()};
    return has_bit(calendar.days_from_end, last - number + 1);
}

/// The first bit at or above `from`; 64 if there is none.
unsigned first_bit(std::uint64_t bits, unsigned from)
{
    return from > 63 ? 64 : static_cast<unsigned>(std::countr_zero(bits >> from << from));
}

/// The first second of the day that matches, from `from` seconds after midnight; -1 if none.
int first_second(const Calendar& calendar, int from)
{
    const auto at = static_cast<unsigned>(from);
    auto hour = first_bit(calendar.hours, at / 3600);
    auto minute = hour > at / 3600 ? 0 : at / 60 % 60;
    auto second = hour > at / 3600 ? 0 : at % 60;
    for (; hour < 24; hour = first_bit(calendar.hours, hour + 1), minute = second = 0) {
        auto found = first_bit(calendar.minutes, minute);
        if (found > minute) second = 0;
        auto exact = first_bit(calendar.seconds, second);
        if (exact == 64) { // later in this hour begins with the next minute
            found = first_bit(calendar.minutes, found + 1);
            exact = first_bit(calendar.seconds, 0);
        }
        if (found < 60) return static_cast<int>((hour * 60 + found) * 60 + exact);
    }
    return -1;
}

} // namespace

std::optional<Time> next_local(const Calendar& calendar, Time from)
{
    constexpr Time begin = sys_days{year{calendar_year_min} / 1 / 1};
    const auto start = std::max(from, begin);
    auto day = floor<days>(start);
    auto second = static_cast<int>((start - day).count());
    for (;;) {
        const year_month_day date{day};
        if (int{date.year()} > calendar_year_max) return std::nullopt;
        if (!has_year(calendar, date.year())) {
            day = (date.year() + years{1}) / 1 / 1;
        } else if (!has_bit(calendar.months, unsigned{date.month()})) {
            day = (date.year() / date.month() / 1) + months{1};
        } else {
            const int found =
                matches_day(calendar, day, date) ? first_second(calendar, second) : -1;
            if (found >= 0) return day + seconds{found};
            day += days{1};
        }
        second = 0;
    }
}

std::uint64_t per_day(const Calendar& calendar)
{
    return static_cast<std::uint64_t>(std::popcount(calendar.hours)) *
           static_cast<std::uint64_t>(std::popcount(calendar.minutes)) *
           static_cast<std::uint64_t>(std::popcount(calendar.seconds));
}

} // namespace roleswap::task
