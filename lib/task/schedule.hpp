#pragma once
#include "task/cron.hpp"
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
    using Rule = std::variant<Cron, Every, Reboot>;
    Schedule(Rule rule, Zone zone) : rule_(rule), zone_(zone) {}

    bool is_reboot() const { return std::holds_alternative<Reboot>(rule_); }
    const Rule& rule() const { return rule_; }

    /// The first due time after `after`; empty when there is none ("30 February", @reboot).
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
    std::uint64_t count(Time after, Time until) const;

    Rule rule_;
    Zone zone_;
};

/// Reads "five cron fields", "@daily" and its kin, "@reboot" or "every 1h30m" (1 s to 366 d).
/// Rules of cron: crontab(5) of cronie and Debian.  Throws Error.
Schedule parse_schedule(std::string_view text, Zone zone);

} // namespace roleswap::task
