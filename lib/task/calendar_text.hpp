#pragma once
#include "task/calendar.hpp"
#include <string_view>

namespace roleswap::task {

/// What the text of a calendar expression says.
struct CalendarText {
    Calendar calendar;
    std::string_view zone; ///< IANA name at its end; empty: none
};

/// Whether a schedule has the form of a calendar expression, right or wrong, and not that of five
/// cron fields: it has at most four words, and a ":", "..", "~", a letter in front, or one date.
bool looks_like_calendar(std::string_view text);

/// Reads "[weekdays] [date] [time] [zone]" or a word such as "weekly", as systemd.time(7) describes
/// calendar events, but for fractions of seconds.  `column` is where the text begins.  Throws
/// Error.
CalendarText parse_calendar(std::string_view text, unsigned column);

} // namespace roleswap::task
