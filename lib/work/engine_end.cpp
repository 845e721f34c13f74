// The end of a run, and what becomes of its row.
#include "work/engine_impl.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

constexpr std::uint64_t pruned_max = 2000; ///< rows in one transaction
constexpr std::size_t names_max = 200;     ///< tasks looked at in one
constexpr auto prune_pause = std::chrono::milliseconds(200);

constexpr const char* prune_old_sql = R"(
DELETE FROM roleswap.run WHERE id IN (
    SELECT id FROM roleswap.run WHERE over AND ended_at < now() - make_interval(days => $1::integer)
        AND due < now() - make_interval(days => $1::integer) LIMIT $2::bigint))";

constexpr const char* prune_keys_sql =
    "DELETE FROM roleswap.enqueue_key WHERE made_at < now() - make_interval(days => $1::integer)";

constexpr const char* prune_after_sql = "DELETE FROM roleswap.after_end "
                                        "WHERE at < now() - make_interval(days => $1::integer) "
                                        "AND NOT waits";

/// Of each task the newest runs stay; which the index on (task, due) tells without a look at the
/// other rows.
constexpr const char* prune_many_sql = R"(
DELETE FROM roleswap.run WHERE id IN (
    SELECT r.id FROM unnest($1::text[]) AS t(name)
    CROSS JOIN LATERAL (SELECT due FROM roleswap.run WHERE task = t.name
                        ORDER BY due DESC OFFSET $2::bigint LIMIT 1) AS edge
    CROSS JOIN LATERAL (SELECT id FROM roleswap.run WHERE task = t.name AND due <= edge.due AND over
                        AND held_since IS NULL ORDER BY due LIMIT $3::bigint) AS r
    LIMIT $3::bigint))";

} // namespace

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
    ended_tasks_.insert(run.task);
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

void Engine::Impl::keep_house()
{
    if (!may_plan()) return;
    std::vector<std::string> names;
    for (const auto& name : ended_tasks_) {
        if (names.size() == names_max) break;
        names.push_back(name);
    }
    prune(names);
}

/// Where there was more than one transaction should do, it goes on soon.
void Engine::Impl::prune(const std::vector<std::string>& names)
{
    const auto days = std::to_string(settings_.keep_days);
    const auto rows = std::to_string(pruned_max);
    auto queries = prune_memory_queries();
    queries.insert(queries.begin(), {{prune_old_sql, {days, rows}},
                                     {prune_keys_sql, {days}},
                                     {prune_many_sql,
                                      {fmt::format("{{{}}}", fmt::join(names, ",")),
                                       std::to_string(settings_.keep_runs), rows}},
                                     {prune_after_sql, {days}}});
    session_->write(std::move(queries), [this, names](const pg::Outcome& outcome) {
        const auto* done = std::get_if<pg::Committed>(&outcome);
        if (done == nullptr) return host_.on_store_trouble("old runs: " + pg::describe(outcome));
        const bool all = done->results.at(2).affected() < pruned_max;
        if (all)
            for (const auto& name : names) ended_tasks_.erase(name);
        const bool more = !all || done->results.at(0).affected() == pruned_max;
        if (more || (!names.empty() && !ended_tasks_.empty())) house_soon_.start_in(prune_pause);
    });
}

} // namespace roleswap::work
