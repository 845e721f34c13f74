#include "task/calendar_field.hpp"
#include "task/error.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>

// Grammar of parse_chain and parse_weekdays in systemd's calendarspec.c (252).  What that refuses
// as "Invalid argument" is refused here with its place.  A range of one value is taken.

namespace roleswap::task {
namespace {

constexpr std::array<std::string_view, 7> weekday_names{
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

std::string values_of(const CalendarPart& part)
{
    return fmt::format("{} to {}{}", part.low, part.high,
                       part.from_end ? ", counted from the end of the month" : "");
}

unsigned parse_value(const CalendarPart& part, Piece piece)
{
    unsigned value = 0;
    const auto* end = piece.text.data() + piece.text.size();
    const auto result = std::from_chars(piece.text.data(), end, value);
    const bool whole = !piece.text.empty() && result.ec == std::errc{} && result.ptr == end;
    if (whole && part.low >= 1000 && value < 100) value += value < 70 ? 2000 : 1900; // a short year
    if (whole && value >= part.low && value <= part.high) return value;
    if (piece.text.empty())
        throw Error(piece.column, fmt::format("an empty value of the {}", part.name),
                    values_of(part));
    throw Error(piece.column, fmt::format("{} \"{}\"", part.name, piece.text), values_of(part));
}

/// Steps count whole values from 1.
unsigned parse_step(const CalendarPart& part, Piece piece)
{
    unsigned step = 0;
    const auto* end = piece.text.data() + piece.text.size();
    const auto result = std::from_chars(piece.text.data(), end, step);
    if (result.ec == std::errc{} && result.ptr == end && step > 0) return step;
    throw Error(piece.column, fmt::format("step \"{}\" of the {}", piece.text, part.name),
                "a whole number from 1");
}

/// Without an end: forward to the highest value, or to the last day of the month.
void add_open_step(const CalendarPart& part, Piece piece, unsigned step, CalendarField& field)
{
    const auto first = parse_value(part, piece);
    const auto room = part.from_end ? first - part.low : part.high - first;
    if (step > room)
        throw Error(piece.column,
                    fmt::format("step {} of the {} reaches no second value", step, part.name),
                    fmt::format("steps up to {} from {}", room, first));
    for (unsigned moved = 0; moved <= room; moved += step)
        field.values.set(part.from_end ? first - moved : first + moved);
}

void add_element(const CalendarPart& part, Piece piece, CalendarField& field)
{
    const auto slash = piece.text.find('/');
    const bool stepped = slash != std::string_view::npos;
    const unsigned step = stepped ? parse_step(part, piece.from(slash + 1)) : 1;
    const auto range = stepped ? piece.first(slash) : piece;
    const auto dots = range.text.find("..");
    if (dots == std::string_view::npos) {
        if (stepped) return add_open_step(part, range, step, field);
        field.values.set(parse_value(part, range));
        return;
    }
    const auto first = parse_value(part, range.first(dots));
    const auto last = parse_value(part, range.from(dots + 2));
    if (first > last)
        throw Error(range.column,
                    fmt::format("{} range \"{}\" goes backward", part.name, range.text),
                    fmt::format("a range that goes up within {}", values_of(part)));
    for (auto value = first; value <= last; value += step) {
        field.values.set(value);
        if (step > last - value) return;
    }
}

bool same_letters(std::string_view text, std::string_view lower_case)
{
    return std::ranges::equal(text, lower_case, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

/// Monday is 0; empty when it is no name of a weekday, short or long.
std::optional<unsigned> weekday_of(std::string_view text)
{
    for (unsigned i = 0; i < weekday_names.size(); ++i)
        if (same_letters(text, weekday_names[i]) ||
            same_letters(text, weekday_names[i].substr(0, 3)))
            return i;
    return std::nullopt;
}

unsigned parse_weekday(Piece piece)
{
    if (const auto day = weekday_of(piece.text)) return *day;
    throw Error(piece.column, fmt::format("weekday \"{}\"", piece.text),
                "Mon to Sun, Mon..Fri, Sat,Sun");
}

/// One day or a range; systemd takes "Mon-Fri" too.
unsigned parse_weekday_range(Piece piece)
{
    const auto mark = piece.text.find_first_of(".-");
    const auto first = parse_weekday(piece.first(std::min(mark, piece.text.size())));
    auto last = first;
    if (mark != std::string_view::npos) {
        const bool dots = piece.text.substr(mark).starts_with("..");
        last = parse_weekday(piece.from(mark + (dots ? 2 : 1)));
    }
    if (first > last)
        throw Error(piece.column, fmt::format("weekdays \"{}\" go backward", piece.text),
                    "a range from Mon to Sun, in this order");
    unsigned bits = 0;
    for (auto day = first; day <= last; ++day) bits |= 1U << (day + 1) % 7;
    return bits;
}

} // namespace

CalendarField parse_calendar_field(const CalendarPart& part, Piece piece)
{
    CalendarField field;
    if (piece.text == "*") {
        for (auto value = part.low; value <= part.high; ++value) field.values.set(value);
        field.wild = true;
        return field;
    }
    if (piece.text.starts_with('*'))
        throw Error(piece.column, fmt::format("{} \"{}\"", part.name, piece.text),
                    fmt::format("* alone; a step is {}/5 here", part.low));
    const auto begin = piece.text.substr(0, piece.text.find_first_of("/,."));
    const auto open = piece.text.substr(begin.size()).starts_with('/');
    for (;;) {
        const auto comma = std::min(piece.text.find(','), piece.text.size());
        add_element(part, piece.first(comma), field);
        if (comma == piece.text.size()) break;
        piece = piece.from(comma + 1);
    }
    field.wild = open && begin.find_first_not_of('0') == std::string_view::npos;
    return field;
}

unsigned parse_calendar_weekdays(Piece piece)
{
    unsigned bits = 0;
    if (piece.text.ends_with(',')) piece = piece.first(piece.text.size() - 1); // systemd takes it
    for (;;) {
        const auto comma = std::min(piece.text.find(','), piece.text.size());
        bits |= parse_weekday_range(piece.first(comma));
        if (comma == piece.text.size()) return bits;
        piece = piece.from(comma + 1);
    }
}

bool begins_with_weekday(std::string_view text)
{
    return weekday_of(text.substr(0, text.find_first_of(",.-"))).has_value();
}

} // namespace roleswap::task
