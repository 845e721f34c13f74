#include "work/engine_impl.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

constexpr const char* prune_sql = R"(
DELETE FROM roleswap.run WHERE id IN (
    SELECT id FROM roleswap.run WHERE state NOT IN ('queued', 'running')
        AND ended_at < now() - make_interval(days => $1::integer) LIMIT 1000)
OR id IN (
    SELECT id FROM (SELECT id, state, row_number() OVER (PARTITION BY task ORDER BY due DESC) AS place
                    FROM roleswap.run) AS placed
    WHERE place > $2::integer AND state NOT IN ('queued', 'running') LIMIT 1000))";

} // namespace

bool Engine::Impl::may_start() const
{
    return phase_ == Phase::running && session_ready_ && !suspended_ && !gate_is_shut();
}

bool Engine::Impl::may_plan() const
{
    return phase_ == Phase::running && session_ready_ && !suspended_ && !model_.scheduler.stopped;
}

void Engine::Impl::look_at_all()
{
    std::set<std::string> names;
    for (const auto& [name, entry] : model_.tasks) names.insert(name);
    look(names);
}

void Engine::Impl::look(const std::set<std::string>& names)
{
    if (!may_plan()) return planner_.clear(); // looked at when it may again
    to_look_.insert(names.begin(), names.end());
    if (to_look_.empty() || std::exchange(looking_, true)) return;
    writer_->wait_for_more();
    looks_.add([this] { return look_at_one(); });
}

/// One task of those that are to be looked at; their new runs go to the store together.
Slice Engine::Impl::look_at_one()
{
    if (!may_plan()) {
        planner_.clear();
        to_look_.clear();
    }
    if (to_look_.empty()) {
        looking_ = false;
        tell_held();
        writer_->send_what_there_is();
        return Slice::over;
    }
    const auto name = to_look_.extract(to_look_.begin());
    if (const auto found = model_.tasks.find(name.value()); found != model_.tasks.end())
        look_at(found->second, std::chrono::floor<std::chrono::seconds>(now()));
    return Slice::more;
}

void Engine::Impl::look_at(TaskEntry& entry, task::Time time)
{
    const auto& name = entry.task.name;
    if (!entry.task.enabled || entry.schedule.is_reboot() || entry.is_backup())
        return planner_.remove(name);
    // The clock was set back: the time until then comes again, and due times that had their run
    // are recognised by their rows.
    entry.last_due = std::min(entry.last_due, time);
    const auto plan = task::catch_up_plan(
        entry.schedule, task::catch_up_policy(entry.task, defaults_), entry.last_due, time);
    make_due_runs(entry, plan.due);
    if (!plan.due.empty() || plan.skipped > 0) writer_->next().last_due[name] = time;
    if (plan.skipped > 0)
        note("due_times_passed_over",
             fmt::format("{} due times of task {} since {} have no run, by its catch-up policy",
                         plan.skipped, name, to_text(Instant(entry.last_due))));
    entry.last_due = time;
    planner_.plan(name, entry.schedule, time);
}

void Engine::Impl::make_due_runs(const TaskEntry& entry, const std::vector<task::Time>& due_times)
{
    for (const auto due : due_times) {
        if (due <= in_doubt_until_) {
            hold_due(entry, due);
            continue;
        }
        auto decision = model_.decide(entry);
        // Several at once come from a time when nobody could run them: none is passed over.
        if (due_times.size() > 1 && decision == task::OverlapDecision::skip)
            decision = task::OverlapDecision::wait;
        const Instant start = due + task::start_delay(entry.task, due);
        make_run(entry,
                 {.task = entry.task.name,
                  .queue = entry.task.queue,
                  .due = due,
                  .not_before = start > now() ? std::optional(start) : std::nullopt},
                 decision);
    }
}

void Engine::Impl::make_run(const TaskEntry& entry, NewRun run, task::OverlapDecision decision)
{
    if ((gate_is_shut() || run.not_before) && decision == task::OverlapDecision::start)
        decision = task::OverlapDecision::wait;
    switch (decision) {
    case task::OverlapDecision::start:
        run.state = NewRun::State::running;
        model_.count_running(run.task, run.queue);
        break;
    case task::OverlapDecision::wait:
        run.state = NewRun::State::queued;
        break;
    case task::OverlapDecision::skip:
        run.state = NewRun::State::skipped;
        run.why =
            fmt::format("an earlier run of {} was not over (overlap = skip)", entry.task.name);
        break;
    }
    writer_->next().inserts.push_back(std::move(run));
}

void Engine::Impl::committed(Batch batch, const std::vector<OpenRow>& rows)
{
    host_.on_store_well();
    std::map<std::pair<std::string, Instant>, const OpenRow*> by_due;
    for (const auto& row : rows) by_due.emplace(std::pair(row.task, row.due), &row);
    for (const auto& run : batch.inserts) {
        const auto found = by_due.find({run.task, run.due});
        take_insert(run, found == by_due.end() ? nullptr : found->second);
    }
    take_promotes(batch, rows);
    for (const auto& row : batch.ends) {
        auto again = again_.extract(row.at("id").get<std::int64_t>());
        if (!again.empty()) model_.add_waiting(std::move(again.mapped()));
    }
    dispatch();
    check_drained();
}

/// `row` is null where the due time had its run already, or the run was passed over.
void Engine::Impl::take_insert(const NewRun& run, const OpenRow* row)
{
    if (const auto reply = run_replies_.extract(run.ticket); !reply.empty()) {
        const auto state = row == nullptr ? "skipped" : row->running ? "running" : "queued";
        reply.mapped().done({{"id", row == nullptr ? 0 : row->id}, {"state", state}});
    }
    if (run.state == NewRun::State::skipped || run.state == NewRun::State::interrupted ||
        (row != nullptr && model_.open.contains(row->id)))
        return;
    if (run.state == NewRun::State::queued) {
        if (row != nullptr)
            model_.add_waiting({.id = row->id,
                                .task = run.task,
                                .queue = run.queue,
                                .due = run.due,
                                .not_before = run.not_before});
        return;
    }
    if (row == nullptr) return model_.uncount_running(run.task, run.queue);
    model_.open[row->id] = {.id = row->id,
                            .task = run.task,
                            .queue = run.queue,
                            .due = run.due,
                            .place = OpenRun::Place::alive};
    begin(row->id);
}

void Engine::Impl::take_promotes(const Batch& batch, const std::vector<OpenRow>& rows)
{
    std::set<std::int64_t> running;
    for (const auto& row : rows)
        if (row.running) running.insert(row.id);
    for (const auto id : batch.promotes) {
        if (!running.contains(id)) {
            model_.forget(id);
            continue;
        }
        model_.open.at(id).place = OpenRun::Place::alive;
        begin(id);
    }
}

/// The claim is on both nodes: only now may a process exist.
void Engine::Impl::begin(std::int64_t id)
{
    to_start_.push_back(id);
    starter_.trigger();
}

/// A moment may bring hundreds of runs, and a start costs up to some milliseconds on a busy
/// machine: between them the loop turns, or the heartbeats would stop.
void Engine::Impl::start_some()
{
    if (suspended_ || phase_ != Phase::running) return;
    const auto begun = event::Loop::now();
    const auto generation = generation_;
    while (!to_start_.empty() && event::Loop::now() - begun < turn_max) {
        const auto id = to_start_.front();
        to_start_.pop_front();
        start_one(id);
        if (generation != generation_) return;
    }
    if (!to_start_.empty()) starter_.trigger();
}

void Engine::Impl::start_one(std::int64_t id)
{
    auto& run = model_.open.at(id);
    const auto found = model_.tasks.find(run.task);
    if (found == model_.tasks.end()) {
        run::RunEnd gone{.id = id, .why = "its task was removed"};
        gone.started_at = gone.ended_at = std::chrono::system_clock::now();
        return ended(id, gone);
    }
    claimed_[id] = found->second.task;
    const auto generation = generation_;
    executor_.start(make_spec(model_.task_on(found->second, settings_.node), run,
                              {epoch_, settings_.node, settings_.task_store, settings_.task_socket,
                               memory_secret_}),
                    [this, generation](const run::RunEnd& end) {
                        if (generation == generation_) ended(end.id, end);
                    });
}

void Engine::Impl::ended(std::int64_t id, const run::RunEnd& end)
{
    const auto run = model_.open.at(id);
    const auto definition = claimed_.extract(id);
    auto after =
        after_end(definition.empty() ? task::Task{} : definition.mapped(), run, end, now());
    model_.forget(id);
    writer_->next().ends.push_back(std::move(after.row));
    if (after.again) again_.insert_or_assign(id, *after.again);
    if (after.state == "failed" || after.state == "timeout" || after.state == "interrupted" ||
        (after.state == "queued" && !run.moving))
        note("run_failed", fmt::format("task {} (run {}): {}", run.task, id, after.why));
    dispatch();
}

void Engine::Impl::dispatch()
{
    if (!may_start()) return;
    const auto time = now(); // one for both, or a retry due between them would be in neither
    for (const auto id : model_.startable(time)) {
        model_.claim(id);
        writer_->next().promotes.push_back(id);
    }
    arm_retries(time);
}

void Engine::Impl::arm_retries(Instant time)
{
    if (const auto next = model_.next_retry(time))
        retry_timer_.start_in(std::min<event::Duration>(*next - time, std::chrono::minutes(1)));
    else
        retry_timer_.stop();
}

void Engine::Impl::keep_house()
{
    if (!may_plan()) return;
    auto queries = prune_memory_queries();
    queries.insert(
        queries.begin(),
        {prune_sql, {std::to_string(settings_.keep_days), std::to_string(settings_.keep_runs)}});
    session_->write(std::move(queries), [this](const pg::Outcome& outcome) {
        if (!std::holds_alternative<pg::Committed>(outcome))
            host_.on_store_trouble("old runs: " + pg::describe(outcome));
    });
}

} // namespace roleswap::work
