#include "task/schedule.hpp"
#include "base/nearest.hpp"
#include "base/quantity.hpp"
#include "task/calendar_text.hpp"
#include "task/clock_rule.hpp"
#include "task/error.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

using namespace std::chrono;

constexpr days lookback{41 * 366};

struct Word {
    std::string_view name;
    std::string_view fields;
};
// crontab(5), "Extensions"
constexpr std::array<Word, 7> words{{{"@yearly", "0 0 1 1 *"},
                                     {"@annually", "0 0 1 1 *"},
                                     {"@monthly", "0 0 1 * *"},
                                     {"@weekly", "0 0 * * 0"},
                                     {"@daily", "0 0 * * *"},
                                     {"@midnight", "0 0 * * *"},
                                     {"@hourly", "0 * * * *"}}};
constexpr std::array<std::string_view, 8> word_names{"@yearly", "@annually", "@monthly", "@weekly",
                                                     "@daily",  "@midnight", "@hourly",  "@reboot"};

Schedule::Rule parse_word(std::string_view text)
{
    if (text == "@reboot") return Reboot{};
    for (const auto& word : words)
        if (text == word.name) return parse_cron(word.fields);
    throw Error(1, base::unknown_word("schedule", text, word_names),
                fmt::format("{}", fmt::join(word_names, " ")));
}

Every parse_every(std::string_view text)
{
    const auto at = std::min(text.find_first_not_of(" \t", 5), text.size());
    const auto period = base::parse_duration(text.substr(at));
    if (period && *period >= 1s && *period <= days{366} && *period % 1s == 0ms)
        return {duration_cast<seconds>(*period)};
    throw Error(static_cast<unsigned>(at + 1), fmt::format("period \"{}\"", text.substr(at)),
                "whole seconds from 1s to 366d, such as 10s, 5m, 1h30m");
}

/// Number of the period that holds `time`.
std::int64_t period_of(const Every& every, Time time)
{
    const auto since = time.time_since_epoch();
    return since / every.period - (since % every.period < 0s ? 1 : 0);
}

Time begin_of_period(const Every& every, std::int64_t period)
{
    return Time{every.period * period};
}

} // namespace

std::optional<Time> Schedule::next_of_rule(Time after) const
{
    if (const auto* cron = std::get_if<Cron>(&rule_)) return next_due(*cron, zone_, after);
    if (const auto* calendar = std::get_if<Calendar>(&rule_))
        return next_due(*calendar, zone_, after);
    if (const auto* every = std::get_if<Every>(&rule_))
        return begin_of_period(*every, period_of(*every, after) + 1);
    return std::nullopt;
}

std::uint64_t Schedule::count_of_rule(Time after, Time until) const
{
    if (until <= after) return 0;
    if (const auto* cron = std::get_if<Cron>(&rule_))
        return count_due(*cron, zone_, {after, until}, per_day(*cron));
    if (const auto* calendar = std::get_if<Calendar>(&rule_))
        return count_due(*calendar, zone_, {after, until}, per_day(*calendar));
    if (const auto* every = std::get_if<Every>(&rule_))
        return static_cast<std::uint64_t>(period_of(*every, until) - period_of(*every, after));
    return 0;
}

std::optional<Time> Schedule::next(Time after) const
{
    auto due = next_of_rule(after);
    if (except_.empty()) return due;
    const auto limit = after + lookback;
    while (due && is_excluded(*due)) {
        if (*due > limit) return std::nullopt; // each of its days is left out
        due = next_of_rule(except_.end_of_stretch(*due, zone_));
    }
    return due;
}

bool Schedule::is_excluded(Time due) const
{
    return except_.contains(floor<days>(due + zone_.at(due).offset));
}

std::optional<Time> Schedule::previous(Time before) const
{
    const auto* every = std::get_if<Every>(&rule_);
    if (every && except_.empty()) return begin_of_period(*every, period_of(*every, before - 1s));
    // `next` never falls, so the last start from which it stays below `before` leads to the answer.
    const auto first = before - lookback;
    auto high = before;
    auto low = before;
    std::optional<Time> found;
    for (auto step = 1s; !found; step *= 2) {
        low = std::max(low - step, first);
        const auto due = next(low);
        if (due && *due < before)
            found = due;
        else if (low == first)
            return std::nullopt;
        else
            high = low;
    }
    for (auto due = next(*found); due && *due < before; due = next(*found)) {
        found = due;
        low = *due;
        const auto middle = next(low + (high - low) / 2);
        if (middle && *middle < before)
            found = middle;
        else
            high = low + (high - low) / 2;
    }
    return found;
}

/// What the rule alone has, without what it has on excluded dates.
std::uint64_t Schedule::count(Time after, Time until) const
{
    auto total = count_of_rule(after, until);
    if (except_.empty()) return total;
    for (auto now = after + 1s; now <= until;) {
        const auto segment = zone_.at(now); // within it each date is one interval
        const auto end = std::min(until + 1s, segment.end);
        for (auto day = floor<days>(now + segment.offset); day - segment.offset < end;
             day += days{1}) {
            if (!except_.contains(day)) continue;
            const auto midnight = day - segment.offset;
            total -= count_of_rule(std::max<Time>(now, midnight) - 1s,
                                   std::min<Time>(end, midnight + days{1}) - 1s);
        }
        now = end;
    }
    return total;
}

Schedule::Due Schedule::due_between(Time after, Time until, std::size_t limit) const
{
    Due due;
    if (until <= after) return due;
    due.total = count(after, until);
    const auto wanted = std::min<std::uint64_t>(limit, due.total);
    seconds window{60 * static_cast<std::int64_t>(std::max<std::uint64_t>(wanted, 1))};
    while (due.newest.size() < wanted) {
        due.newest.clear();
        auto time = next(until - after > window ? until - window : after);
        for (; time && *time <= until; time = next(*time)) due.newest.push_back(*time);
        window *= 2;
    }
    due.newest.erase(due.newest.begin(), due.newest.end() - static_cast<std::ptrdiff_t>(wanted));
    return due;
}

Schedule parse_schedule(std::string_view text, Zone zone)
{
    if (text.starts_with('@')) return {parse_word(text), zone};
    if (text == "every" || text.starts_with("every ") || text.starts_with("every\t"))
        return {parse_every(text), zone};
    constexpr std::string_view prefix = "calendar";
    const bool named = text == prefix || text.starts_with("calendar ");
    if (!named && !looks_like_calendar(text)) return {parse_cron(text), zone};
    const auto skipped = named ? prefix.size() : 0;
    const auto read = parse_calendar(text.substr(skipped), static_cast<unsigned>(skipped + 1));
    return {read.calendar, read.zone.empty() ? zone : Zone::named(read.zone)};
}

} // namespace roleswap::task
