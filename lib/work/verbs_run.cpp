#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

#define RUN_FIELDS                                                                                 \
    "'id', id, 'task', task, 'due', roleswap.iso(due), 'cause', cause, 'queue', queue, "           \
    "'priority', priority, 'state', state, 'node', node, 'epoch', epoch, 'attempt', attempt, "     \
    "'started_at', roleswap.iso(started_at), 'ended_at', roleswap.iso(ended_at), "                 \
    "'duration_ms', duration_ms, 'exit_code', exit_code, 'signal', signal, 'why', why, "           \
    "'origin', origin"

#define RUN_LIST                                                                                   \
    "SELECT coalesce(json_agg(row ORDER BY at DESC, number DESC), '[]') FROM ("                    \
    "SELECT due AS at, id AS number, json_build_object(" RUN_FIELDS ") AS row FROM roleswap.all_runs "

/// The newest as they were made: a list by due time would have to sort millions.
constexpr const char* list_sql =
    RUN_LIST "WHERE ($1 = '' OR state = $1) ORDER BY id DESC LIMIT $2::bigint) AS rows";
constexpr const char* list_of_task_sql =
    RUN_LIST "WHERE ($1 = '' OR state = $1) AND task = $3 ORDER BY due DESC LIMIT $2::bigint) "
             "AS rows";

constexpr const char* show_sql =
    "SELECT json_build_object(" RUN_FIELDS ", 'retries_used', retries_used, "
    "'not_before', roleswap.iso(not_before), 'created_at', roleswap.iso(created_at), "
    "'output', output_tail, 'output_bytes', output_bytes, "
    "'truncated', output_bytes > octet_length(output_tail), 'cpu_ms', cpu_ms, "
    "'peak_memory_kib', peak_memory_kib, 'read_bytes', read_bytes, "
    "'written_bytes', written_bytes, 'memory', roleswap.memory_report(id, "
    "CASE state WHEN 'running' THEN attempt END), "
    "'after', (SELECT json_agg(json_build_object('task', e.predecessor, 'run', e.ended_run, "
    "'state', e.state) ORDER BY e.ended_run) FROM roleswap.after_end AS e WHERE e.run = runs.id), "
    "'next', (SELECT json_agg(json_build_object('run', o.id, 'task', o.task, 'cause', o.cause, "
    "'state', o.state) ORDER BY o.id) FROM roleswap.run AS o WHERE o.origin = runs.id)) "
    "FROM roleswap.all_runs AS runs WHERE id = $1";

/// For who follows it: how it stands, and the end of its output.
constexpr const char* output_row_sql =
    "SELECT json_build_object(" RUN_FIELDS ", 'output', output_tail, 'output_bytes', output_bytes) "
    "FROM roleswap.all_runs WHERE id = $1";

} // namespace

pg::Query Engine::Impl::run_list_query(const std::string& task, const std::string& state,
                                       std::int64_t limit)
{
    if (task.empty()) return {list_sql, {state, std::to_string(limit)}};
    return {list_of_task_sql, {state, std::to_string(limit), task}};
}

void Engine::Impl::run_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {"task", "limit", "state"});
    const auto task = args.text_or("task", "the name of a task", "");
    const auto limit = args.number_or("limit", 1, 10'000, 50);
    std::string state;
    if (args.has("state"))
        state = args.choice("state", {"queued", "running", "ok", "failed", "timeout", "killed",
                                      "interrupted", "skipped", "held"});
    session_->read_aside(run_list_query(task, state, limit), call.reply,
                         [](std::vector<pg::Result>& results) -> json {
                             return {{"runs", json::parse(results.at(0)[0].text(0))}};
                         });
}

void Engine::Impl::run_show(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id"});
    const auto id = args.number("id", 1, INT64_MAX);
    auto wrapped =
        found_or_refused(with_live_output(call.reply),
                         fmt::format("there is no run {}; see \"roleswap run list\"", id));
    session_->read({show_sql, {std::to_string(id)}}, std::move(wrapped),
                   [](std::vector<pg::Result>& results) -> json {
                       if (results.at(0).empty()) return nullptr;
                       return {{"run", json::parse(results.at(0)[0].text(0))}};
                   });
}

/// "Not found" is known only from the answer, which is no failure of the store.
Reply Engine::Impl::found_or_refused(const Reply& reply, std::string missing)
{
    auto done = [reply, missing = std::move(missing)](const json& result) {
        if (!result.is_null()) return reply.done(result);
        reply.failed({VerbError::Code::not_found, missing});
    };
    return {std::move(done), reply.failed};
}

pg::Query Engine::Impl::output_row_query(std::int64_t id)
{
    return {output_row_sql, {std::to_string(id)}};
}

} // namespace roleswap::work
