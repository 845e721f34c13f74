#include "work/planner.hpp"

namespace roleswap::work {

Planner::Planner(event::Loop& loop, std::function<void(const std::set<std::string>&)> on_due)
    : on_due_(std::move(on_due)), timer_(loop, [this] { fire(); })
{
}

void Planner::plan(const std::string& name, const task::Schedule& schedule, task::Time after)
{
    remove(name);
    const auto next = schedule.next(after);
    if (!next) return;
    next_[name] = *next;
    order_.emplace(*next, name);
    if (order_.begin()->second == name) arm();
}

void Planner::remove(const std::string& name)
{
    const auto found = next_.find(name);
    if (found == next_.end()) return;
    order_.erase({found->second, name});
    next_.erase(found);
}

void Planner::clear()
{
    next_.clear();
    order_.clear();
    timer_.stop();
}

std::optional<task::Time> Planner::next(const std::string& name) const
{
    const auto found = next_.find(name);
    return found == next_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::pair<task::Time, std::string>> Planner::nearest() const
{
    return order_.empty() ? std::nullopt : std::optional(*order_.begin());
}

void Planner::arm()
{
    if (order_.empty()) return timer_.stop();
    timer_.start_at(order_.begin()->first);
}

void Planner::fire()
{
    const auto time = std::chrono::system_clock::now();
    std::set<std::string> names;
    for (const auto& [due, name] : order_) {
        if (due > time) break;
        names.insert(name);
    }
    for (const auto& name : names) remove(name); // until they are planned again
    // Early: the clock was set, and every plan may be wrong now.
    if (names.empty())
        for (const auto& [name, due] : next_) names.insert(name);
    if (!names.empty()) on_due_(names);
    arm();
}

} // namespace roleswap::work
