#include "base/time_text.hpp"
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* task_name = "the name of a task";

constexpr const char* last_runs_sql = R"(
SELECT coalesce(json_object_agg(task, json_build_object('run', id, 'state', state,
    'due', roleswap.iso(due), 'ended_at', roleswap.iso(ended_at), 'why', why)), '{}')
FROM (SELECT (SELECT id FROM roleswap.run WHERE run.task = task.name ORDER BY due DESC LIMIT 1)
      FROM roleswap.task) AS last (run_id) JOIN roleswap.run ON run.id = last.run_id)";

json time_json(const std::optional<task::Time>& time)
{
    return time ? json(base::to_rfc3339(*time)) : json(nullptr);
}

constexpr const char* make_queues_sql =
    "INSERT INTO roleswap.queue (name) SELECT jsonb_array_elements_text($1::jsonb) "
    "ON CONFLICT DO NOTHING";

constexpr const char* put_tasks_sql = R"(
INSERT INTO roleswap.task (name, definition, last_due)
SELECT definition ->> 'name', definition, $2::timestamptz
FROM jsonb_array_elements($1::jsonb) AS given(definition)
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, changed_at = now(),
    last_due = CASE WHEN task.definition -> 'schedule' = excluded.definition -> 'schedule'
                     AND task.definition -> 'timezone' = excluded.definition -> 'timezone'
                     AND task.enabled THEN task.last_due ELSE excluded.last_due END)";

constexpr const char* remove_tasks_sql = R"(
WITH gone AS (DELETE FROM roleswap.task WHERE name IN (SELECT jsonb_array_elements_text($1::jsonb))
              RETURNING name)
UPDATE roleswap.run SET state = 'skipped', why = 'its task was removed', ended_at = now()
FROM gone WHERE run.task = gone.name AND run.state = 'queued')";

} // namespace

const TaskEntry& Engine::Impl::find_task(const std::string& name) const
{
    const auto found = model_.tasks.find(name);
    if (found == model_.tasks.end())
        throw Refusal(VerbError::Code::not_found,
                      fmt::format("there is no task \"{}\"; see task_list", name));
    return found->second;
}

void Engine::Impl::task_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {});
    auto done = [this](std::vector<pg::Result>& results) -> json {
        const auto last = json::parse(results.at(0)[0].text(0));
        auto tasks = json::array();
        for (const auto& [name, entry] : model_.tasks) {
            const auto next = planner_.next(name);
            const auto load = model_.load(name);
            tasks.push_back({{"name", name},
                             {"schedule", entry.task.schedule},
                             {"enabled", entry.task.enabled},
                             {"queue", entry.task.queue},
                             {"user", entry.task.user},
                             {"description", entry.task.description},
                             {"next_due", time_json(next)},
                             {"running", load.running},
                             {"waiting", load.waiting},
                             {"last", last.value(name, json(nullptr))}});
        }
        return {{"tasks", tasks}};
    };
    session_->read({last_runs_sql}, call.reply, std::move(done));
}

void Engine::Impl::task_show(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name"});
    const auto& entry = find_task(args.text("name", task_name));
    const auto load = model_.load(entry.task.name);
    json shown{{"task", task::to_json(entry.task)},
               {"next_due", coming(entry)},
               {"last_due", base::to_rfc3339(entry.last_due)},
               {"running", load.running},
               {"waiting", load.waiting}};
    session_->read(run_list_query(entry.task.name, "", 5), call.reply,
                   [shown = std::move(shown)](std::vector<pg::Result>& results) -> json {
                       auto whole = shown;
                       whole["runs"] = json::parse(results.at(0)[0].text(0));
                       return whole;
                   });
}

/// The next due times, up to five, as the schedule stands now.
json Engine::Impl::coming(const TaskEntry& entry) const
{
    auto due = json::array();
    auto next = planner_.next(entry.task.name);
    for (; next && due.size() < 5; next = entry.schedule.next(*next))
        due.push_back(base::to_rfc3339(*next));
    return due;
}

void Engine::Impl::task_export(const Call& call)
{
    const Arguments args(call.verb, call.args, {});
    std::vector<task::Task> tasks;
    for (const auto& [name, entry] : model_.tasks) tasks.push_back(entry.task);
    call.reply.done({{"toml", task::export_tasks(tasks)}});
}

/// Puts and removes tasks in one transaction; a task whose schedule is new is due from now on.
void Engine::Impl::write_tasks(const std::vector<TaskEntry>& entries,
                               const std::vector<std::string>& removed, Reply reply, json answer)
{
    auto definitions = json::array();
    auto queues = json::array();
    for (const auto& entry : entries) {
        definitions.push_back(task::to_json(entry.task));
        queues.push_back(entry.task.queue);
    }
    const auto since = entries.empty() ? now() : Instant(entries.front().last_due);
    std::vector<pg::Query> queries{{make_queues_sql, {queues.dump()}},
                                   {put_tasks_sql, {definitions.dump(), to_text(since)}},
                                   {remove_tasks_sql, {json(removed).dump()}}};
    auto done = [this, entries, removed, answer = std::move(answer)](std::vector<pg::Result>&) {
        take_written(entries, removed);
        return answer;
    };
    session_->write(std::move(queries), std::move(reply), std::move(done));
}

void Engine::Impl::take_written(const std::vector<TaskEntry>& entries,
                                const std::vector<std::string>& removed)
{
    std::set<std::string> changed;
    for (auto entry : entries) {
        const auto& name = entry.task.name;
        model_.queues[entry.task.queue];
        const auto old = model_.tasks.find(name);
        if (old != model_.tasks.end() && old->second.task.enabled &&
            old->second.task.schedule == entry.task.schedule &&
            old->second.task.timezone == entry.task.timezone)
            entry.last_due = old->second.last_due;
        changed.insert(name);
        model_.tasks.insert_or_assign(name, std::move(entry));
    }
    for (const auto& name : removed) {
        model_.tasks.erase(name);
        planner_.remove(name);
        std::vector<std::int64_t> runs;
        for (const auto& [id, run] : model_.open)
            if (run.task == name && run.place == OpenRun::Place::waiting) runs.push_back(id);
        for (const auto id : runs) model_.forget(id);
    }
    look(changed);
    dispatch();
}

/// Adds when the task is due next, which is known once it is written.
Reply Engine::Impl::with_next_due(const Reply& reply, const std::string& name) const
{
    auto done = [this, reply, name](const json& result) {
        auto whole = result;
        whole["next_due"] = time_json(planner_.next(name));
        reply.done(whole);
    };
    return {std::move(done), reply.failed};
}

void Engine::Impl::task_add(const Call& call)
{
    const Arguments args(call.verb, call.args, {"task"});
    auto entry = make_entry(task::from_json(args.object("task", "an object of task fields")),
                            std::chrono::floor<std::chrono::seconds>(now()), defaults_);
    if (model_.tasks.contains(entry.task.name))
        throw Refusal(VerbError::Code::refused,
                      fmt::format("task \"{}\" exists; change it by task_apply, or remove it first",
                                  entry.task.name));
    const auto name = entry.task.name;
    write_tasks({std::move(entry)}, {}, with_next_due(call.reply, name), {{"name", name}});
}

void Engine::Impl::task_remove(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name"});
    const auto name = find_task(args.text("name", task_name)).task.name;
    write_tasks({}, {name}, call.reply, {{"name", name}});
}

void Engine::Impl::set_enabled(const Call& call, bool enabled)
{
    const Arguments args(call.verb, call.args, {"name"});
    auto entry = find_task(args.text("name", task_name));
    const auto name = entry.task.name;
    if (entry.task.enabled != enabled)
        entry.last_due = std::chrono::floor<std::chrono::seconds>(now());
    entry.task.enabled = enabled;
    write_tasks({std::move(entry)}, {}, with_next_due(call.reply, name),
                {{"name", name}, {"enabled", enabled}});
}

void Engine::Impl::task_enable(const Call& call)
{
    set_enabled(call, true);
}

void Engine::Impl::task_disable(const Call& call)
{
    set_enabled(call, false);
}

void Engine::Impl::task_run(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name"});
    const auto& entry = find_task(args.text("name", task_name));
    NewRun run{.task = entry.task.name,
               .queue = entry.task.queue,
               .cause = "manual",
               .due = now(),
               .why = clean_text("asked for by " + call.caller.user),
               .ticket = ++tickets_};
    run_replies_.emplace(run.ticket, call.reply);
    auto decision = model_.decide(entry);
    if (decision == task::OverlapDecision::skip) decision = task::OverlapDecision::wait;
    make_run(entry, std::move(run), decision);
}

void Engine::Impl::task_apply(const Call& call)
{
    const Arguments args(call.verb, call.args, {"toml", "dry_run", "remove_others"});
    const auto tasks = task::parse_tasks(args.text("toml", "the text of a file of tasks"), "toml");
    const auto time = std::chrono::floor<std::chrono::seconds>(now());
    std::vector<TaskEntry> written;
    std::vector<std::string> added;
    std::vector<std::string> changed;
    std::vector<std::string> removed;
    std::set<std::string> named;
    for (const auto& task : tasks) {
        named.insert(task.name);
        const auto old = model_.tasks.find(task.name);
        if (old != model_.tasks.end() && old->second.task == task) continue;
        (old == model_.tasks.end() ? added : changed).push_back(task.name);
        written.push_back(make_entry(task, time, defaults_));
    }
    if (args.flag("remove_others"))
        for (const auto& [name, entry] : model_.tasks)
            if (!named.contains(name)) removed.push_back(name);
    const json answer{{"added", added},
                      {"changed", changed},
                      {"removed", removed},
                      {"same", tasks.size() - written.size()}};
    if (args.flag("dry_run") || (written.empty() && removed.empty()))
        return call.reply.done(answer);
    write_tasks(written, removed, call.reply, answer);
}

} // namespace roleswap::work
