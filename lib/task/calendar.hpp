#pragma once
#include "task/zone.hpp"
#include <bitset>
#include <cstdint>
#include <optional>

namespace roleswap::task {

/// The years that a calendar expression can name (systemd.time(7)).
inline constexpr int calendar_year_min = 1970;
inline constexpr int calendar_year_max = 2199;
inline constexpr std::size_t calendar_years = calendar_year_max - calendar_year_min + 1;

/// A calendar expression of systemd ("Mon..Fri 08:00") as bit sets: bit n stands for the value n.
/// All of them must match, the weekday and the date too: other than the days of cron.
struct Calendar {
    std::bitset<calendar_years> years; ///< bit 0 is 1970
    std::uint64_t minutes = 0;         ///< 0 to 59
    std::uint64_t seconds = 0;         ///< 0 to 59
    std::uint32_t hours = 0;           ///< 0 to 23
    std::uint32_t days = 0;            ///< 1 to 31
    std::uint32_t days_from_end = 0;   ///< 1 to 31, the last day of the month is 1
    std::uint16_t months = 0;          ///< 1 to 12
    std::uint8_t weekdays = 0;         ///< 0 to 6, Sunday is 0
    /// As of Cron: the hour or the minute is * or a step from 0 without an end.
    bool wild = false;
    bool operator==(const Calendar&) const = default;
};

/// The first local second that matches, at or after `from`; empty after the year 2199.
std::optional<Time> next_local(const Calendar& calendar, Time from);

/// Number of due times on each day that has any.
std::uint64_t per_day(const Calendar& calendar);

} // namespace roleswap::task
