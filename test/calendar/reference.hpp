#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

/// When schedules are due, told minute by minute as cron's own loop does it.  It shares nothing
/// with lib/task: texts are read anew, and the clock of a zone is that of the C library.
namespace roleswap::reference {

/// The numbers that a schedule names, each field as a set.
struct Times {
    std::set<int> years, months, days, days_from_end, weekdays, hours, minutes, seconds;
    bool either_day = false; ///< day of month or day of week suffices
    bool wild = false;       ///< due by real time: the minute or hour begins with * (or is 0/n)
};

/// Five fields of crontab(5); "Mon..Fri 2026-*-01 08:00:00" of systemd.time(7).  Right texts only.
Times read_cron(const std::string& text);
Times read_calendar(const std::string& text);

/// Some years on the clock of one zone: for each minute of UTC the local day and minute.
class Clock {
public:
    Clock(const std::string& zone, int first_year, int years);

    std::int64_t begin() const { return begin_; } ///< seconds since the Unix epoch
    std::int64_t end() const { return begin_ + static_cast<std::int64_t>(local_.size()) * 60; }
    /// Where the clock is moved, in minutes from the begin.
    const std::vector<std::size_t>& changes() const { return changes_; }

    /// Calls `due` for each due time in the minutes [first, last) from the begin, in order.
    void run(const Times& times, std::size_t first, std::size_t last,
             const std::function<void(std::int64_t)>& due) const;

private:
    struct Day;
    std::int64_t begin_ = 0;
    std::int64_t first_day_ = 0;      ///< local, since the Unix epoch
    std::vector<std::int32_t> local_; ///< minutes since local midnight of first_day_
    std::vector<std::size_t> changes_;
};

} // namespace roleswap::reference
