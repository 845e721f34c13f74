#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

#define RUN_FIELDS                                                                                 \
    "'id', id, 'task', task, 'due', roleswap.iso(due), 'cause', cause, 'queue', queue, "           \
    "'state', state, 'node', node, 'epoch', epoch, 'attempt', attempt, "                           \
    "'started_at', roleswap.iso(started_at), 'ended_at', roleswap.iso(ended_at), "                 \
    "'duration_ms', duration_ms, 'exit_code', exit_code, 'signal', signal, 'why', why"

#define RUN_LIST                                                                                   \
    "SELECT coalesce(json_agg(row ORDER BY at DESC, number DESC), '[]') FROM ("                    \
    "SELECT due AS at, id AS number, json_build_object(" RUN_FIELDS ") AS row FROM roleswap.run "

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
    "CASE state WHEN 'running' THEN attempt END)) FROM roleswap.run WHERE id = $1";

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
                                      "interrupted", "skipped"});
    session_->read(run_list_query(task, state, limit), call.reply,
                   [](std::vector<pg::Result>& results) -> json {
                       return {{"runs", json::parse(results.at(0)[0].text(0))}};
                   });
}

void Engine::Impl::run_show(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id"});
    const auto id = args.number("id", 1, INT64_MAX);
    auto wrapped = found_or_refused(
        call.reply, fmt::format("there is no run {}; see \"roleswap run list\"", id));
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

/// A run that has a process is killed as a tree; one that waits is taken out of its queue.
void Engine::Impl::run_kill(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id"});
    const auto id = args.number("id", 1, INT64_MAX);
    if (executor_.kill(id)) return call.reply.done({{"id", id}, {"killed", "running"}});
    const auto found = model_.open.find(id);
    if (found != model_.open.end() && found->second.place != OpenRun::Place::waiting)
        throw Refusal(VerbError::Code::refused,
                      fmt::format("run {} is just being started; try again", id));
    auto missing = fmt::format("run {} neither runs nor waits; see \"roleswap run list\"", id);
    session_->write({{"UPDATE roleswap.run SET state = 'killed', why = $2, ended_at = now(), "
                      "epoch = $3 WHERE id = $1 AND state = 'queued'",
                      {std::to_string(id), clean_text("killed by " + call.caller.user),
                       std::to_string(epoch_)}}},
                    found_or_refused(call.reply, std::move(missing)),
                    [this, id](std::vector<pg::Result>& results) -> json {
                        if (results.at(0).affected() == 0) return nullptr;
                        model_.forget(id);
                        return {{"id", id}, {"killed", "waiting"}};
                    });
}

} // namespace roleswap::work
