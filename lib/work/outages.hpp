#pragma once
#include "task/policy.hpp"
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace roleswap::work {

/// Notices that nobody planned due times for long, from the signs of life that each master leaves
/// in the store: what would be made up then is held.  A value: no clock, no store.
class Outages {
public:
    explicit Outages(std::chrono::milliseconds hold_after) : hold_after_(hold_after) {}

    /// As the store has it, null where it has not.  What is later than `now` was written by a clock
    /// that was ahead.
    void read(const nlohmann::json& alive, const nlohmann::json& outage, task::Time now);
    /// Due times are planned now.  True where that is the end of an outage.
    bool planned(task::Time now);
    /// Whether the store is to have a new sign of life; then it is taken as told.
    bool is_sign_due(task::Time now);
    /// Between two of them.
    std::chrono::seconds period() const;
    /// For the settings that `read` gets.
    nlohmann::json alive() const;
    nlohmann::json outage() const;

    /// Whether a run that is made up for this due time is to be held.
    bool covers(task::Time due) const { return last_ && due <= last_->until; }
    const std::optional<task::Outage>& last() const { return last_; }
    /// "between 2026-11-20T18:00:00.000Z and 2026-11-22T07:30:00.000Z"
    std::string span() const;

    void note_held(const std::string& task) { ++held_[task]; }
    /// One sentence about what was held since it was last asked; empty: nothing.
    std::string tell();

private:
    std::chrono::milliseconds hold_after_;
    std::optional<task::Time> alive_;         ///< the last time when due times were planned
    std::optional<task::Time> written_;       ///< that the store has
    std::optional<task::Outage> last_;        ///< the newest
    std::map<std::string, std::size_t> held_; ///< by task, not told yet
};

} // namespace roleswap::work
