#include "task/calendar_text.hpp"
#include "base/nearest.hpp"
#include "task/calendar_field.hpp"
#include "task/error.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <vector>

namespace roleswap::task {
namespace {

struct Shorthand {
    std::string_view name;
    std::string_view meaning;
};
// systemd.time(7), "Calendar Events"
constexpr std::array<Shorthand, 9> shorthands{{{"minutely", "*-*-* *:*:00"},
                                               {"hourly", "*-*-* *:00:00"},
                                               {"daily", "*-*-* 00:00:00"},
                                               {"weekly", "Mon *-*-* 00:00:00"},
                                               {"monthly", "*-*-01 00:00:00"},
                                               {"quarterly", "*-01,04,07,10-01 00:00:00"},
                                               {"semiannually", "*-01,07-01 00:00:00"},
                                               {"yearly", "*-01-01 00:00:00"},
                                               {"annually", "*-01-01 00:00:00"}}};
constexpr std::array<std::string_view, 9> shorthand_names{"minutely",     "hourly",  "daily",
                                                          "weekly",       "monthly", "quarterly",
                                                          "semiannually", "yearly",  "annually"};

constexpr const char* form = "[weekdays] [year-month-day] [hour:minute[:second]] [time zone], such "
                             "as Mon..Fri 08:00, or a word such as weekly";
constexpr const char* all_forms = "five cron fields, @daily and its kin, every 10s, or a calendar "
                                  "expression such as Mon..Fri 08:00 or weekly";

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::vector<Piece> split(Piece piece)
{
    std::vector<Piece> pieces;
    for (;;) {
        const auto begin = piece.text.find_first_not_of(" \t");
        if (begin == std::string_view::npos) return pieces;
        piece = piece.from(begin);
        const auto size = std::min(piece.text.find_first_of(" \t"), piece.text.size());
        pieces.push_back(piece.first(size));
        piece = piece.from(size);
    }
}

const Shorthand* find_shorthand(std::string_view text)
{
    std::string lower{text};
    for (auto& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto* found = std::ranges::find(shorthands, std::string_view{lower}, &Shorthand::name);
    return found == shorthands.end() ? nullptr : found;
}

template <class Bits> Bits bits_of(const CalendarField& field)
{
    Bits bits = 0;
    for (unsigned value = 0; value < 64; ++value)
        if (field.values.test(value)) bits |= static_cast<Bits>(Bits{1} << value);
    return bits;
}

void read_year(Piece piece, Calendar& calendar)
{
    const auto field = parse_calendar_field({"year", calendar_year_min, calendar_year_max}, piece);
    calendar.years.reset();
    for (std::size_t i = 0; i < calendar_years; ++i)
        calendar.years.set(i, field.values.test(calendar_year_min + i));
}

/// "year-month-day" or "month-day", with "~" for a day counted from the end of the month.
void read_date(Piece piece, Calendar& calendar)
{
    std::array<Piece, 3> parts;
    std::size_t count = 0;
    bool from_end = false;
    for (auto rest = piece;; ++count) {
        const auto mark = std::min(rest.text.find_first_of("-~"), rest.text.size());
        if (count == parts.size() || (from_end && mark < rest.text.size()))
            throw Error(piece.column, fmt::format("date \"{}\"", piece.text),
                        "year-month-day or month-day; ~ instead of the last - counts days from the "
                        "end of the month");
        parts.at(count) = rest.first(mark);
        if (mark == rest.text.size()) break;
        from_end = rest.text[mark] == '~';
        rest = rest.from(mark + 1);
    }
    if (count == 2) read_year(parts[0], calendar);
    calendar.months =
        bits_of<std::uint16_t>(parse_calendar_field({"month", 1, 12}, parts.at(count - 1)));
    // systemd has no days further than that from the end, so every month has them.
    const CalendarPart day{"day", 1, from_end ? 28U : 31U, from_end};
    const bool every = parts.at(count).text == "*";
    auto& days = from_end && !every ? calendar.days_from_end : calendar.days;
    if (!every) days = bits_of<std::uint32_t>(parse_calendar_field(day, parts.at(count)));
}

CalendarField read_second(Piece piece)
{
    auto rest = piece.text;
    for (auto dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
        if (!rest.substr(dot).starts_with(".."))
            throw Error(piece.column, fmt::format("second \"{}\"", piece.text),
                        "whole seconds: due times have no fraction");
        rest.remove_prefix(dot + 2);
    }
    return parse_calendar_field({"second", 0, 59}, piece);
}

/// "hour:minute" or "hour:minute:second".
void read_time(Piece piece, Calendar& calendar)
{
    const auto first = piece.text.find(':');
    const auto second = piece.text.find(':', first + 1);
    if (second != std::string_view::npos &&
        piece.text.find(':', second + 1) != std::string_view::npos)
        throw Error(piece.column, fmt::format("time \"{}\"", piece.text), "hour:minute:second");
    const auto hour = parse_calendar_field({"hour", 0, 23}, piece.first(first));
    const bool exact = second != std::string_view::npos;
    const auto minute_text = piece.from(first + 1);
    const auto minute = parse_calendar_field(
        {"minute", 0, 59}, exact ? minute_text.first(second - first - 1) : minute_text);
    calendar.hours = bits_of<std::uint32_t>(hour);
    calendar.minutes = bits_of<std::uint64_t>(minute);
    if (exact) calendar.seconds = bits_of<std::uint64_t>(read_second(piece.from(second + 1)));
    calendar.wild = hour.wild || minute.wild;
}

/// Every day at midnight.
Calendar midnight()
{
    Calendar calendar;
    calendar.years.set();
    calendar.months = 0x1ffe;
    calendar.days = 0xfffffffe;
    calendar.weekdays = 0x7f;
    calendar.hours = calendar.minutes = calendar.seconds = 1;
    return calendar;
}

[[noreturn]] void refuse(Piece piece)
{
    if (!piece.text.empty() && is_letter(piece.text.front()))
        throw Error(piece.column, base::unknown_word("schedule", piece.text, shorthand_names),
                    all_forms);
    throw Error(piece.column, fmt::format("\"{}\" in a calendar expression", piece.text), form);
}

Calendar read_parts(const std::vector<Piece>& pieces)
{
    auto calendar = midnight();
    std::size_t at = 0;
    if (begins_with_weekday(pieces.front().text))
        calendar.weekdays = static_cast<std::uint8_t>(parse_calendar_weekdays(pieces[at++]));
    const auto has = [&](auto... marks) {
        return at < pieces.size() &&
               ((pieces[at].text.find(marks) != std::string_view::npos) || ...);
    };
    if (!has(':') && has('-', '~')) read_date(pieces[at++], calendar);
    if (has(':')) read_time(pieces[at++], calendar);
    if (at < pieces.size()) refuse(pieces[at]);
    return calendar;
}

} // namespace

bool looks_like_calendar(std::string_view text)
{
    const auto pieces = split({text, 1});
    if (pieces.empty() || pieces.size() > 4) return false;
    if (is_letter(pieces.front().text.front())) return true;
    const auto has = [&](std::string_view mark) {
        return text.find(mark) != std::string_view::npos;
    };
    if (has(":") || has("..") || has("~")) return true;
    return pieces.size() <= 2 && pieces.front().text.find('-') != std::string_view::npos;
}

CalendarText parse_calendar(std::string_view text, unsigned column)
{
    auto pieces = split({text, column});
    if (pieces.empty()) throw Error(column, "an empty calendar expression", form);
    CalendarText read;
    if (pieces.size() > 1 && is_letter(pieces.back().text.front())) {
        read.zone = pieces.back().text;
        if (!is_zone_name(read.zone))
            throw Error(pieces.back().column, fmt::format("time zone \"{}\"", read.zone),
                        "an IANA name such as \"Europe/Berlin\", or \"UTC\"");
        pieces.pop_back();
    }
    if (const auto* word = find_shorthand(pieces.front().text); word && pieces.size() == 1)
        read.calendar = read_parts(split({word->meaning, column}));
    else
        read.calendar = read_parts(pieces);
    return read;
}

} // namespace roleswap::task
