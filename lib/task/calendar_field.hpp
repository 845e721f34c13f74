#pragma once
#include <bitset>
#include <string_view>

namespace roleswap::task {

/// A piece of a schedule and the column where it stands, for the message.
struct Piece {
    std::string_view text;
    unsigned column = 1;

    Piece from(std::size_t offset) const
    {
        return {text.substr(offset), column + static_cast<unsigned>(offset)};
    }
    Piece first(std::size_t size) const { return {text.substr(0, size), column}; }
};

/// One part of a calendar expression and the values it can have.
struct CalendarPart {
    std::string_view name;
    unsigned low = 0;
    unsigned high = 0;
    bool from_end = false; ///< days counted from the end of the month
};

struct CalendarField {
    std::bitset<2200> values; ///< bit n stands for the value n
    bool wild = false;        ///< * or a step from the lowest value without an end, such as 0/5
};

/// Reads *, or a list of numbers, ranges "1..5" and steps "0/15", "10..50/5" as systemd.time(7) has
/// them.  Throws Error.
CalendarField parse_calendar_field(const CalendarPart& part, Piece piece);

/// Reads "Mon", "Mon..Fri", "Sat,Sun": bit n stands for weekday n, Sunday is 0.  Throws Error.
unsigned parse_calendar_weekdays(Piece piece);

/// Whether the text begins with the name of a weekday that ends there.
bool begins_with_weekday(std::string_view text);

} // namespace roleswap::task
