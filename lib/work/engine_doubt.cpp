// What an old master may have run that this store does not show: held, and told in one event.
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {

/// What catch-up would run here, and the old master may have run: a person decides.
void Engine::Impl::hold_due(const TaskEntry& entry, task::Time due)
{
    writer_->next().inserts.push_back(
        {.task = entry.task.name,
         .queue = entry.task.queue,
         .due = due,
         .state = NewRun::State::interrupted,
         .why = "the old master may have run it; look, and run it by hand if needed"});
    ++held_[entry.task.name];
}

void Engine::Impl::tell_held()
{
    if (held_.empty()) return;
    std::size_t count = 0;
    for (const auto& [task, due_times] : std::exchange(held_, {})) count += due_times;
    note("due_times_in_doubt",
         fmt::format("{} due times up to {} may have been run by the old master, so they are not "
                     "run by themselves: look with \"roleswap run list --state interrupted\"",
                     count, to_text(Instant(in_doubt_until_))));
}

} // namespace roleswap::work
