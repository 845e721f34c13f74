#include "task/cron_field.hpp"
#include "task/error.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>

// Grammar of get_list, get_range and get_number in cron's entry.c (cronie 1.7, Debian 3.0pl1).  One
// thing is stricter: what follows a * other than a step, cron skips, and here it is an error.

namespace roleswap::task {
namespace {

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};
constexpr std::array<CronFieldKind, 5> kinds{{{"minute", 0, 59, {}},
                                              {"hour", 0, 23, {}},
                                              {"day-of-month", 1, 31, {}},
                                              {"month", 1, 12, month_names},
                                              {"day-of-week", 0, 7, day_names}}};

bool same_word(std::string_view text, std::string_view lower_case)
{
    return std::ranges::equal(text, lower_case, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

std::string allowed_values(const CronFieldKind& kind)
{
    if (kind.names.empty()) return fmt::format("{} to {}", kind.low, kind.high);
    return fmt::format("{} to {}{} or {} to {}", kind.low, kind.high,
                       kind.high == 7 ? " (0 and 7 are Sunday)" : "", kind.names.front(),
                       kind.names.back());
}

std::optional<unsigned> parse_digits(std::string_view text)
{
    unsigned value = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (text.empty() || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
    return value;
}

/// A part of a field and where it stands.
struct Part {
    std::string_view text;
    unsigned column;
    Part from(std::size_t offset) const
    {
        return {text.substr(offset), column + static_cast<unsigned>(offset)};
    }
};

unsigned parse_step(const CronFieldKind& kind, Part part)
{
    const auto step = parse_digits(part.text);
    if (step && *step > 0) return *step;
    throw Error(part.column, fmt::format("step \"{}\" of the {}", part.text, kind.name),
                "a whole number from 1");
}

/// "first-last" or one value; `stepped` when a step follows.
struct Range {
    unsigned first;
    unsigned last;
};
Range parse_range(const CronFieldKind& kind, Part part, std::string_view step)
{
    if (part.text.starts_with('*')) {
        if (part.text == "*") return {kind.low, kind.high};
        throw Error(part.column, fmt::format("{} \"{}\"", kind.name, part.text),
                    fmt::format("* alone or with a step such as */{}", part.text.substr(1)));
    }
    const auto dash = part.text.find('-');
    const auto first = parse_cron_value(kind, part.text.substr(0, dash), part.column);
    if (dash == std::string_view::npos) {
        if (step.empty()) return {first, first};
        throw Error(
            part.column,
            fmt::format("{} \"{}{}\" has a step after a single value", kind.name, part.text, step),
            fmt::format("a step after * or a range, such as {}-{}{}", first, kind.high, step));
    }
    const auto rest = part.from(dash + 1);
    const auto last = parse_cron_value(kind, rest.text, rest.column);
    if (first <= last) return {first, last};
    throw Error(part.column, fmt::format("{} range \"{}\" goes backward", kind.name, part.text),
                fmt::format("a range that goes up within {}", allowed_values(kind)));
}

std::uint64_t parse_element(const CronFieldKind& kind, Part part)
{
    const auto slash = std::min(part.text.find('/'), part.text.size());
    const auto range =
        parse_range(kind, {part.text.substr(0, slash), part.column}, part.text.substr(slash));
    const unsigned step = slash < part.text.size() ? parse_step(kind, part.from(slash + 1)) : 1;
    std::uint64_t bits = 0;
    for (unsigned value = range.first; value <= range.last; value += step) {
        bits |= std::uint64_t{1} << value;
        if (step > range.last - value) break;
    }
    return bits;
}

} // namespace

std::span<const CronFieldKind> cron_field_kinds()
{
    return kinds;
}

unsigned parse_cron_value(const CronFieldKind& kind, std::string_view text, unsigned column)
{
    const auto number = parse_digits(text);
    if (number && *number >= kind.low && *number <= kind.high) return *number;
    for (unsigned i = 0; i < kind.names.size(); ++i)
        if (same_word(text, kind.names[i])) return kind.low + i;
    if (text.empty())
        throw Error(column, fmt::format("an empty value in the {}", kind.name),
                    allowed_values(kind));
    throw Error(column, fmt::format("{} \"{}\"", kind.name, text), allowed_values(kind));
}

CronField parse_cron_field(const CronFieldKind& kind, std::string_view text, unsigned column)
{
    CronField field{.star = text.starts_with('*')};
    Part rest{text, column};
    for (;;) {
        const auto comma = std::min(rest.text.find(','), rest.text.size());
        field.bits |= parse_element(kind, {rest.text.substr(0, comma), rest.column});
        if (comma == rest.text.size()) return field;
        rest = rest.from(comma + 1);
    }
}

} // namespace roleswap::task
