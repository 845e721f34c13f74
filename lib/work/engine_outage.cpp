// What would be made up after a long outage: held, and told in one event.
#include "base/time_text.hpp"
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {

/// Due times are planned at `time`.  A new outage goes to the store with what it holds, or after
/// that: a crash between finds the old sign of life, or the outage.
void Engine::Impl::sign_of_life(task::Time time)
{
    const bool ended = outages_.planned(time);
    if (ended) writer_->next().settings["outage"] = outages_.outage();
    if (outages_.is_sign_due(time) || ended) writer_->next().settings["alive"] = outages_.alive();
}

/// Now and then, since nothing may be due for long.
void Engine::Impl::show_life()
{
    if (may_plan()) sign_of_life(std::chrono::floor<std::chrono::seconds>(now()));
}

/// Nothing is planned from here on: an outage begins now, not at the last sign.
void Engine::Impl::show_last_life()
{
    if (!may_plan()) return;
    sign_of_life(std::chrono::floor<std::chrono::seconds>(now()));
    writer_->next().settings["alive"] = outages_.alive();
}

/// What catch-up would run: a person decides.
void Engine::Impl::hold_made_up(const TaskEntry& entry, task::Time due)
{
    writer_->next().inserts.push_back({.task = entry.task.name,
                                       .queue = entry.task.queue,
                                       .due = due,
                                       .priority = entry.task.priority,
                                       .state = NewRun::State::held,
                                       .why = fmt::format("nobody scheduled {}", outages_.span())});
    outages_.note_held(entry.task.name);
}

void Engine::Impl::tell_outage()
{
    if (const auto told = outages_.tell(); !told.empty()) note("due_times_held", told);
}

std::vector<std::string> Engine::Impl::held_queues() const
{
    std::vector<std::string> names;
    for (const auto& [name, queue] : model_.queues)
        if (queue.held) names.push_back(name);
    return names;
}

/// Null before the store was reached.
nlohmann::json Engine::Impl::held_json() const
{
    if (!held_runs_) return nullptr;
    auto held = held_runs_->status();
    const auto& last = outages_.last();
    held["outage"] = nullptr;
    if (last)
        held["outage"] = {{"from", base::to_rfc3339(last->from)},
                          {"until", base::to_rfc3339(last->until)}};
    return held;
}

} // namespace roleswap::work
