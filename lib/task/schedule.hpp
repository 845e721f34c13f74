#pragma once
#include "task/calendar.hpp"
#include "task/cron.hpp"
#include "task/exclusions.hpp"
#include "task/zone.hpp"
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace roleswap::task {

/// `every 10s`: whole multiples of the period since the Unix epoch, so both nodes agree.
struct Every {
    std::chrono::seconds period{1};
    bool operator==(const Every&) const = default;
};

/// `@reboot`: once per boot of the pair; no due times of its own.
struct Reboot {
    bool operator==(const Reboot&) const = default;
};

/// When a task is due.  A due time is identified by its UTC instant, so a task is due at most once
/// per instant.
class Schedule {
public:
    using Rule = std::variant<Cron, Calendar, Every, Reboot>;
    Schedule(Rule rule, Zone zone) : rule_(rule), zone_(zone) {}

    /// From now on nothing is due on these dates of the zone.
    void leave_out(Exclusions except) { except_ = std::move(except); }

    bool is_reboot() const { return std::holds_alternative<Reboot>(rule_); }
    const Rule& rule() const { return rule_; }
    const Zone& zone() const { return zone_; }

    /// The first due time after `after`; empty when there is none ("30 February", @reboot, a year
    /// that is over).
    std::optional<Time> next(Time after) const;
    /// The last due time before `before`, not more than 41 years earlier.
    std::optional<Time> previous(Time before) const;

    struct Due {
        std::vector<Time> newest; ///< ascending, at most the limit
        std::uint64_t total = 0;  ///< of the whole interval
    };
    /// The due times in (after, until].
    Due due_between(Time after, Time until, std::size_t limit) const;

private:
    std::optional<Time> next_of_rule(Time after) const;
    std::uint64_t count_of_rule(Time after, Time until) const;
    std::uint64_t count(Time after, Time until) const;
    bool is_excluded(Time due) const;

    Rule rule_;
    Zone zone_;
    Exclusions except_;
};

/// Reads "five cron fields", "@daily" and its kin, "@reboot", "every 1h30m" (1 s to 366 d), or a
/// calendar expression of systemd, "Mon..Fri 08:00", also with "calendar" in front.  A zone at its
/// end replaces `zone`.  Rules of cron: crontab(5) of cronie and Debian; of calendar expressions:
/// systemd.time(7).  Throws Error.
Schedule parse_schedule(std::string_view text, Zone zone);

} // namespace roleswap::task
