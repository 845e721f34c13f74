#pragma once
#include "work/model.hpp"
#include "work/wall_timer.hpp"
#include <functional>
#include <map>
#include <set>
#include <string>

namespace roleswap::work {

/// Knows for each task when it is due next, and has one timer for the nearest.  Pinned.
class Planner {
public:
    /// `on_due` gets the names of all tasks that are due, or that have to be looked at because the
    /// clock was set; it plans them again, perhaps later.
    Planner(event::Loop& loop, std::function<void(const std::set<std::string>&)> on_due);

    /// Due next after `after`; a task without due times leaves the plan.
    void plan(const std::string& name, const task::Schedule& schedule, task::Time after);
    void remove(const std::string& name);
    void clear();
    std::optional<task::Time> next(const std::string& name) const;
    /// The nearest of all.
    std::optional<std::pair<task::Time, std::string>> nearest() const;

private:
    void fire();
    void arm();
    std::function<void(const std::set<std::string>&)> on_due_;
    std::map<std::string, task::Time> next_;
    std::set<std::pair<task::Time, std::string>> order_;
    WallTimer timer_;
};

} // namespace roleswap::work
