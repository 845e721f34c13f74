#pragma once
#include "task/zone.hpp"
#include <cstdint>
#include <optional>

/// Rules that name times on the clock of a zone (five cron fields, calendar expressions), and what
/// becomes of those times when the clock is moved.  A rule is a type with a member `wild` (due by
/// real time) and a function next_local(rule, from): the first time that the rule names at or after
/// `from`.
///
/// Local times are written as Time, too: the UTC instant at which a clock in UTC would show the
/// same.
namespace roleswap::task {

/// A clock that is moved by this much or more is corrected, not switched (cron(8)): nothing is
/// caught up and nothing held back.
inline constexpr std::chrono::hours clock_correction{3};

inline bool is_first_segment(const ZoneSegment& segment)
{
    return segment.begin == Time::min();
}

/// How far the clock was moved at the begin of `segment`.
std::chrono::seconds shift_at_begin(const Zone& zone, const ZoneSegment& segment);

/// Where a rule begins to count in a segment: fixed times after what the clock shows a second time.
template <class Rule>
Time first_local(const Rule& rule, const Zone& zone, const ZoneSegment& segment)
{
    const auto local = segment.begin + segment.offset;
    if (rule.wild) return local;
    const auto shift = shift_at_begin(zone, segment);
    return shift < std::chrono::seconds{0} ? local - shift : local;
}

/// Whether a fixed time lies in the interval that the clock skips at the begin of `segment`.
template <class Rule>
bool due_at_begin(const Rule& rule, const Zone& zone, const ZoneSegment& segment)
{
    if (rule.wild) return false;
    const auto shift = shift_at_begin(zone, segment);
    if (shift <= std::chrono::seconds{0}) return false;
    const auto resumed = segment.begin + segment.offset;
    const auto skipped = next_local(rule, resumed - shift);
    return skipped && *skipped < resumed;
}

/// The first due time after `after` by the clock of `zone`.
template <class Rule> std::optional<Time> next_due(const Rule& rule, const Zone& zone, Time after)
{
    auto now = after + std::chrono::seconds{1};
    auto segment = zone.at(now);
    auto from = now + segment.offset;
    if (!is_first_segment(segment)) from = std::max(from, first_local(rule, zone, segment));
    if (now == segment.begin && due_at_begin(rule, zone, segment)) return now;
    auto local = next_local(rule, from);
    while (local && *local - segment.offset >= segment.end) {
        now = segment.end;
        segment = zone.at(now);
        if (due_at_begin(rule, zone, segment)) return now;
        const auto begin = first_local(rule, zone, segment);
        // Only a clock that went back can show a match before the one that is known.
        if (begin < from || *local < begin) local = next_local(rule, begin);
        from = begin;
    }
    if (!local) return std::nullopt;
    return *local - segment.offset;
}

/// The points in time in (after, until].
struct Interval {
    Time after;
    Time until;
};

/// Number of due times in an interval, for a rule that names `per_day` times of each of its days.
template <class Rule>
std::uint64_t count_due(const Rule& rule, const Zone& zone, Interval interval,
                        std::uint64_t per_day)
{
    constexpr std::chrono::days day_long{1};
    auto [after, until] = interval;
    std::uint64_t total = 0;
    auto time = next_due(rule, zone, after);
    while (time && *time <= until) {
        // A day that is whole in every respect has the same number of due times as any other.
        const auto segment = zone.at(*time);
        const auto day = std::chrono::floor<std::chrono::days>(*time + segment.offset);
        const auto begin = day - segment.offset;
        const auto end = begin + day_long;
        const bool whole =
            begin > after && end <= until && end <= segment.end &&
            (is_first_segment(segment) || day >= first_local(rule, zone, segment) + day_long);
        total += whole ? per_day : 1;
        after = whole ? end - std::chrono::seconds{1} : *time;
        time = next_due(rule, zone, after);
    }
    return total;
}

} // namespace roleswap::task
