#include "task/exclusions.hpp"
#include "task/error.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace roleswap::task {
namespace {

using namespace std::chrono;

constexpr const char* forms =
    "a date that exists, such as \"2026-12-25\", \"12-25\" for every year, or a range that goes "
    "forward, such as \"2026-12-24..2026-12-31\" or \"12-24..01-01\"";

std::int32_t in_year(month wanted_month, day wanted_day)
{
    return static_cast<std::int32_t>(unsigned{wanted_month} * 32 + unsigned{wanted_day});
}

/// As many digits as there are, or nothing.
std::optional<unsigned> digits(std::string_view text)
{
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

struct Date {
    std::int32_t value = 0;
    bool yearly = false;
};

/// "2026-12-25" or "12-25".
std::optional<Date> parse_date(std::string_view text)
{
    const bool yearly = text.size() == 5;
    if (!yearly && text.size() != 10) return std::nullopt;
    const auto tail = text.substr(text.size() - 5);
    if (tail[2] != '-' || (!yearly && text[4] != '-')) return std::nullopt;
    const auto number_of_month = digits(tail.substr(0, 2));
    const auto number_of_day = digits(tail.substr(3));
    // 29 February is a date of every year, too: where there is none, nothing is excluded.
    const auto number_of_year = yearly ? 2000 : digits(text.substr(0, 4));
    if (!number_of_month || !number_of_day || !number_of_year) return std::nullopt;
    const year_month_day date{year{static_cast<int>(*number_of_year)}, month{*number_of_month},
                              day{*number_of_day}};
    if (!date.ok()) return std::nullopt;
    if (yearly) return Date{in_year(date.month(), date.day()), true};
    return Date{static_cast<std::int32_t>(sys_days{date}.time_since_epoch().count()), false};
}

} // namespace

Exclusions::Dates Exclusions::parse_one(std::string_view text)
{
    const auto dots = text.find("..");
    const auto first = parse_date(text.substr(0, dots));
    const auto last = dots == std::string_view::npos ? first : parse_date(text.substr(dots + 2));
    const bool right = first && last && first->yearly == last->yearly &&
                       (first->yearly || first->value <= last->value);
    if (!right) throw Error(1, fmt::format("excluded date \"{}\"", text), forms);
    return {first->value, last->value, first->yearly};
}

Exclusions Exclusions::parse(const std::vector<std::string>& texts)
{
    Exclusions read;
    for (const auto& text : texts) read.dates_.push_back(parse_one(text));
    return read;
}

bool Exclusions::contains(sys_days when) const
{
    const auto absolute = static_cast<std::int32_t>(when.time_since_epoch().count());
    const year_month_day date{when};
    const auto yearly = in_year(date.month(), date.day());
    return std::ranges::any_of(dates_, [&](const Dates& dates) {
        const auto value = dates.yearly ? yearly : absolute;
        if (dates.first <= dates.last) return dates.first <= value && value <= dates.last;
        return dates.first <= value || value <= dates.last; // over the end of the year
    });
}

Time Exclusions::end_of_stretch(Time time, const Zone& zone) const
{
    const auto segment = zone.at(time);
    auto day = floor<days>(time + segment.offset);
    const auto limit = day + years{1};
    while (contains(day) && day < limit) day += days{1};
    return std::min<Time>(day - segment.offset, segment.end) - seconds{1};
}

} // namespace roleswap::task
