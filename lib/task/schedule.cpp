#include "task/schedule.hpp"
#include "base/nearest.hpp"
#include "base/quantity.hpp"
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

std::optional<Time> Schedule::next(Time after) const
{
    if (const auto* cron = std::get_if<Cron>(&rule_)) return task::next(*cron, zone_, after);
    if (const auto* every = std::get_if<Every>(&rule_))
        return begin_of_period(*every, period_of(*every, after) + 1);
    return std::nullopt;
}

std::optional<Time> Schedule::previous(Time before) const
{
    if (const auto* every = std::get_if<Every>(&rule_))
        return begin_of_period(*every, period_of(*every, before - 1s));
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
        else if (!due || low == first)
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

std::uint64_t Schedule::count(Time after, Time until) const
{
    if (const auto* cron = std::get_if<Cron>(&rule_))
        return task::count(*cron, zone_, after, until);
    if (const auto* every = std::get_if<Every>(&rule_))
        return static_cast<std::uint64_t>(period_of(*every, until) - period_of(*every, after));
    return 0;
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
    return {parse_cron(text), zone};
}

} // namespace roleswap::task
