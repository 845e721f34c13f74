#include "work/load.hpp"
#include "task/error.hpp"
#include "work/agents.hpp"
#include "work/window.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

/// The first run that starts is to be the first of all that were asked for.  In doubt is what the
/// old master may have run: it may have made runs of any request.
constexpr const char* admit_sql = R"(
SELECT roleswap.make_runs(ARRAY(SELECT q.ctid FROM roleswap.request AS q ORDER BY q.priority DESC, q.id
                                LIMIT CASE WHEN $1::bigint = 0 THEN $2::bigint END)))";

/// Once for each doubt: afterwards this store has all that its own master does.  Held runs stay
/// held, those too that the old master may have released.
constexpr const char* hold_sql = R"(
WITH begun AS (
    INSERT INTO roleswap.setting (name, value)
    SELECT 'in_doubt', jsonb_build_object('epoch', $2::bigint, 'until',
                                          floor(extract(epoch FROM now()))::bigint)
    WHERE $2::bigint > 0
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = now()
        WHERE setting.value -> 'epoch' IS DISTINCT FROM excluded.value -> 'epoch'
    RETURNING 1), kept AS (
    UPDATE roleswap.run SET released_at = NULL,
           why = 'the old master may have run it; look before you release it'
    WHERE held_since IS NOT NULL AND state = 'held' AND EXISTS (SELECT FROM begun))
UPDATE roleswap.run SET state = 'interrupted', epoch = $1::bigint, batch = NULL, not_before = NULL,
       ended_at = now(), over = true,
       why = 'the old master may have run it; look, and run it by hand if needed'
WHERE NOT over AND EXISTS (SELECT FROM begun)
RETURNING format('%s (run %s)', task, id))";

constexpr const char* rerun_sql = R"(
UPDATE roleswap.run SET state = 'queued', attempt = run.attempt + 1, epoch = $1::bigint,
       batch = NULL, not_before = NULL,
       why = format('its end on %s is unknown; run again', run.node)
FROM roleswap.task WHERE task.name = run.task AND run.state = 'running' AND run.agent IS NULL
     AND NOT run.over AND coalesce(task.definition ->> 'after_crash', 'rerun') = 'rerun'
RETURNING format('%s (run %s)', run.task, run.id))";

constexpr const char* interrupt_sql = R"(
UPDATE roleswap.run SET state = 'interrupted', epoch = $1::bigint, ended_at = now(), over = true,
       why = format('its end on %s is unknown: look, and run it by hand if needed', node)
WHERE state = 'running' AND NOT over AND agent IS NULL RETURNING format('%s (run %s)', task, id))";

constexpr const char* tasks_sql =
    "SELECT definition, floor(extract(epoch FROM last_due))::bigint, name FROM roleswap.task "
    "ORDER BY name";
constexpr const char* queues_sql =
    "SELECT name, held, reason, concurrency, agent FROM roleswap.queue ORDER BY name";
constexpr const char* waiting_sql =
    "SELECT * FROM roleswap.queued_runs(ARRAY(SELECT name FROM roleswap.queue), '{}', $1)";
/// What agents have stays theirs, whoever is master.
constexpr const char* given_sql = R"(
SELECT id, task, queue, round(date_part('epoch', due) * 1e6)::bigint, attempt, retries_used,
       NULL::bigint, priority, agent
FROM roleswap.run WHERE NOT over AND agent IS NOT NULL AND state = 'running')";
constexpr const char* settings_sql = "SELECT name, value FROM roleswap.setting";
constexpr const char* operation_sql = R"(
SELECT id, kind, begun_by, roleswap.iso(begun_at), owner_node, owner_pid,
       coalesce(hand_over_epoch, 0), holds, stops_scheduler, begun_epoch
FROM roleswap.operation WHERE state = 'open')";
constexpr const char* steps_sql = R"(
SELECT step, s.state, detail, roleswap.iso(at) FROM roleswap.operation_step s
JOIN roleswap.operation o ON o.id = s.operation WHERE o.state = 'open' ORDER BY s.id)";

std::vector<std::string> read_texts(const pg::Result& result)
{
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < result.rows(); ++i) texts.emplace_back(result[i].text(0));
    return texts;
}

void read_tasks(const pg::Result& result, const task::Defaults& defaults, Loaded& loaded)
{
    for (std::size_t i = 0; i < result.rows(); ++i) {
        const auto row = result[i];
        try {
            const task::Time last_due{std::chrono::seconds(row.integer(1))};
            auto entry = make_entry(task::from_json(json::parse(row.text(0))), last_due, defaults);
            auto name = entry.task.name;
            loaded.tasks.emplace(std::move(name), std::move(entry));
        } catch (const task::Error& error) {
            loaded.broken.push_back(fmt::format("task {}: {}", row.text(2), error.what()));
        }
    }
}

void read_queues(const pg::Result& result, Loaded& loaded)
{
    for (std::size_t i = 0; i < result.rows(); ++i) {
        const auto row = result[i];
        auto& queue = loaded.queues[std::string(row.text(0))];
        queue.held = row.boolean(1);
        queue.reason = row.text(2);
        if (!row.is_null(3)) queue.concurrency = static_cast<std::size_t>(row.integer(3));
        queue.agent = row.maybe_text(4).value_or("");
    }
}

void read_waiting(const pg::Result& result, Loaded& loaded)
{
    for (std::size_t i = 0; i < result.rows(); ++i)
        loaded.waiting.push_back(read_waiting_run(result[i]));
}

void read_given(const pg::Result& result, Loaded& loaded)
{
    for (std::size_t i = 0; i < result.rows(); ++i) {
        loaded.given.push_back(read_waiting_run(result[i]));
        loaded.given.back().agent = result[i].text(8);
    }
}

void read_operation(const pg::Result& result, const pg::Result& steps, Loaded& loaded)
{
    if (result.empty()) return;
    const auto row = result[0];
    auto& operation = loaded.operation.emplace();
    operation.id = row.integer(0);
    operation.kind = row.text(1);
    operation.begun_by = row.text(2);
    operation.begun_at = row.text(3);
    operation.owner_node = row.text(4);
    operation.owner_pid = row.integer(5);
    operation.hand_over_epoch = static_cast<std::uint64_t>(row.integer(6));
    operation.holds = row.boolean(7);
    operation.stops_scheduler = row.boolean(8);
    operation.begun_epoch = static_cast<std::uint64_t>(row.integer(9));
    for (std::size_t i = 0; i < steps.rows(); ++i) {
        const auto step = steps[i];
        operation.steps.push_back({std::string(step.text(0)), std::string(step.text(1)),
                                   std::string(step.text(2)), std::string(step.text(3))});
    }
}

} // namespace

Loaded read_all(const std::vector<pg::Result>& results, LoadKind kind,
                const task::Defaults& defaults)
{
    Loaded loaded;
    std::size_t at = 0;
    if (kind == LoadKind::first) {
        ++at; // of admit_sql
        loaded.held = read_texts(results.at(at++));
        loaded.freed = read_texts(results.at(at++));
        loaded.interrupted = read_texts(results.at(at++));
    }
    read_tasks(results.at(at++), defaults, loaded);
    read_queues(results.at(at++), loaded);
    read_waiting(results.at(at++), loaded);
    for (auto& session : read_sessions(results.at(at++))) {
        session.entry.expected = session.connected; // until it was looked for
        loaded.agents.emplace(std::move(session.name), std::move(session.entry));
    }
    read_given(results.at(at++), loaded);
    const auto& settings = results.at(at++);
    for (std::size_t i = 0; i < settings.rows(); ++i)
        loaded.settings.emplace(settings[i].text(0), json::parse(settings[i].text(1)));
    read_operation(results.at(at), results.at(at + 1), loaded);
    return loaded;
}

TaskEntry make_entry(task::Task task, task::Time last_due, const task::Defaults& defaults)
{
    // A backup task and one that is only after others have no due times of their own.
    const bool is_never_due = !task.backup_of.empty() || task.schedule.empty();
    auto schedule = is_never_due ? task::Schedule(task::Reboot{}, task::Zone{})
                                 : task::schedule_of(task, defaults);
    return {std::move(task), std::move(schedule), last_due};
}

void load(Session& session, const Look& look,
          std::function<void(std::vector<pg::Result>)> on_results,
          std::function<void(const pg::Outcome&)> on_trouble)
{
    const auto epoch = std::to_string(session.who().epoch);
    std::vector<pg::Query> queries;
    if (look.kind == LoadKind::first)
        queries = {{admit_sql, {std::to_string(look.doubt), std::to_string(window_runs)}},
                   {hold_sql, {epoch, std::to_string(look.doubt)}},
                   {rerun_sql, {epoch}},
                   {interrupt_sql, {epoch}}};
    for (const char* sql : {tasks_sql, queues_sql, waiting_sql, agents_sql, given_sql, settings_sql,
                            operation_sql, steps_sql}) {
        queries.push_back({sql});
        if (sql == waiting_sql) queries.back().params.emplace_back(std::to_string(window_runs));
    }
    session.write(std::move(queries), [on_results = std::move(on_results),
                                       on_trouble = std::move(on_trouble)](pg::Outcome outcome) {
        auto* committed = std::get_if<pg::Committed>(&outcome);
        if (committed == nullptr) return on_trouble(outcome);
        on_results(std::move(committed->results));
    });
}

} // namespace roleswap::work
