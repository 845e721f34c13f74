#pragma once
#include "task/zone.hpp"
#include <cstdint>
#include <optional>
#include <string_view>

namespace roleswap::task {

/// The five fields of a crontab line as bit sets: bit n stands for the value n.
struct Cron {
    std::uint64_t minutes = 0; ///< 0 to 59
    std::uint32_t hours = 0;   ///< 0 to 23
    std::uint32_t days = 0;    ///< 1 to 31
    std::uint16_t months = 0;  ///< 1 to 12
    std::uint8_t weekdays = 0; ///< 0 to 6, Sunday is 0
    bool any_day = false;      ///< the day-of-month field begins with *
    bool any_weekday = false;  ///< the day-of-week field begins with *
    /// The minute or the hour field begins with *: due by real time, so never in a skipped hour
    /// and twice in a repeated one.  All others keep their count per day when the clock is moved.
    bool wild = false;
    bool operator==(const Cron&) const = default;
};

/// Reads exactly five fields.  Throws Error with the column of what is wrong.
Cron parse_cron(std::string_view text);

/// The first local minute that matches, at or after `from`; empty when there is none in 41 years.
std::optional<Time> next_local(const Cron& cron, Time from);

/// Number of due times on each day that has any.
std::uint64_t per_day(const Cron& cron);

} // namespace roleswap::task
