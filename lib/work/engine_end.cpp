// The end of a run, and what becomes of its row.
#include "work/engine_impl.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
void Engine::Impl::ended(std::int64_t id, const run::RunEnd& end)
{
    const auto run = model_.open.at(id);
    keep_end(run, end);
    const auto definition = claimed_.extract(id);
    finish_run(run,
               after_end(definition.empty() ? task::Task{} : definition.mapped(), run, end, now()));
}

void Engine::Impl::finish_run(const OpenRun& ended_run, AfterEnd after)
{
    const auto run = ended_run; // it belongs to the model
    const auto id = run.id;
    model_.forget(id);
    house_->note_ended(run.task);
    dispatcher_.trigger(); // before the writer's turn: what starts now goes with this end
    writer_->next().ends.push_back(std::move(after.row));
    // A run whose end is unknown brings nothing: a person looks first.
    if (!after.again && after.state != "interrupted" && model_.is_followed(run.task))
        writer_->next().followed.push_back(id);
    if (after.again) again_.insert_or_assign(id, *after.again);
    if (after.state == "failed" || after.state == "timeout" || after.state == "interrupted" ||
        (after.state == "queued" && !run.moving))
        note("run_failed", fmt::format("task {} (run {}): {}", run.task, id, after.why));
    if (after.state == "killed")
        note("run_killed", fmt::format("task {} (run {}): {}", run.task, id, after.why));
}

} // namespace roleswap::work
