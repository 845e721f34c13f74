#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

/// $4: "" saves nothing, "person" what a person asks to be saved, "operation" what the open
/// operation found.
constexpr const char* hold_queue_sql = R"(
UPDATE roleswap.queue SET
    saved_reason = CASE WHEN $4 = 'person' AND saved_held IS NULL THEN reason ELSE saved_reason END,
    saved_held = CASE WHEN $4 = 'person' THEN coalesce(saved_held, held) ELSE saved_held END,
    operation_reason = CASE WHEN $4 = 'operation' AND operation_held IS NULL THEN reason
                       ELSE operation_reason END,
    operation_held = CASE WHEN $4 = 'operation' THEN coalesce(operation_held, held)
                     ELSE operation_held END,
    held = true, reason = CASE WHEN held AND $2 = '' THEN reason ELSE $2 END, changed_at = now(), changed_by = $3
WHERE $1 = '' OR name = $1 RETURNING name, held, reason)";

constexpr const char* release_queue_sql = R"(
UPDATE roleswap.queue SET held = false, reason = '', saved_held = NULL, saved_reason = NULL,
    operation_held = NULL, operation_reason = NULL, changed_at = now(), changed_by = $2
WHERE $1 = '' OR name = $1 RETURNING name, held, reason)";

constexpr const char* restore_saved_sql = R"(
UPDATE roleswap.queue SET held = coalesce(saved_held, held),
    reason = CASE WHEN saved_held IS NULL THEN reason ELSE coalesce(saved_reason, '') END,
    saved_held = NULL, saved_reason = NULL, changed_at = now(), changed_by = $1
RETURNING name, held, reason)";

/// The foreign key of tasks keeps what comes between the look and the removal from being an orphan:
/// runs are made of tasks alone.
constexpr const char* remove_sql = R"(
WITH used AS (
    SELECT (SELECT name FROM roleswap.task WHERE queue = $1 ORDER BY name LIMIT 1) AS task,
           (SELECT agent FROM roleswap.queue WHERE name = $1) AS agent,
           (SELECT id FROM roleswap.run WHERE queue = $1 AND (NOT over OR held_since IS NOT NULL)
            ORDER BY id LIMIT 1) AS run
), gone AS (
    DELETE FROM roleswap.queue USING used
    WHERE name = $1 AND used.task IS NULL AND used.agent IS NULL AND used.run IS NULL
    RETURNING name)
SELECT used.task, used.agent, used.run, (SELECT count(*) FROM gone) FROM used)";

/// What keeps a queue: a row of remove_sql.
std::string user_of(const pg::Row& row)
{
    if (const auto task = row.maybe_text(0))
        return fmt::format("task \"{0}\" has it; see \"roleswap task show {0}\"", *task);
    if (const auto agent = row.maybe_text(1))
        return fmt::format("agent \"{}\" has it; see \"roleswap agent list\"", *agent);
    return fmt::format("run {0} is in it and is not over; see \"roleswap run show {0}\"",
                       row.integer(2));
}

json names(const pg::Result& rows)
{
    auto list = json::array();
    for (std::size_t i = 0; i < rows.rows(); ++i) list.push_back(rows[i].text(0));
    return list;
}

std::string known_queue(const Arguments& args, const Model& model)
{
    auto name = args.text("name", "the name of a queue");
    if (!model.queues.contains(name))
        throw Refusal(VerbError::Code::not_found,
                      fmt::format("there is no queue \"{}\"; see \"roleswap queue list\"", name));
    return name;
}

/// Empty: all queues.
std::string queue_of(const Arguments& args, const Model& model)
{
    const bool all = args.flag("all");
    if (all == args.has("name"))
        throw Refusal(
            VerbError::Code::bad_argument,
            fmt::format("{}; allowed: either name or all = true",
                        all ? "both name and all are given" : "neither name nor all is given"));
    if (all) return {};
    return known_queue(args, model);
}

} // namespace

void Engine::Impl::queue_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {});
    session_->read({R"(
SELECT coalesce(json_agg(json_build_object('name', name, 'held', held, 'reason', reason,
    'changed_at', roleswap.iso(changed_at), 'changed_by', changed_by, 'saved_held', saved_held,
    'concurrency', concurrency) ORDER BY name), '[]') FROM roleswap.queue)"},
                   call.reply, [this](std::vector<pg::Result>& results) -> json {
                       auto queues = json::parse(results.at(0)[0].text(0));
                       for (auto& row : queues) {
                           const auto& queue = model_.queues[row.at("name")];
                           row["running"] = queue.running;
                           row["waiting"] = queue.waiting.size();
                           row["more"] = queue.more;
                           row["agent"] = queue.agent;
                       }
                       return {{"queues", queues}};
                   });
}

void Engine::Impl::queue_hold(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name", "all", "reason", "save", "operation"});
    refuse_late_step(args);
    const auto name = queue_of(args, model_);
    const auto reason = clean_text(args.text_or("reason", "a sentence", ""));
    // While an operation is open its holds are undone with it.
    const bool owns = model_.operation.has_value();
    const auto* const save = owns ? "operation" : args.flag("save") ? "person" : "";
    std::vector<pg::Query> queries{{hold_queue_sql, {name, reason, call.caller.user, save}}};
    if (owns)
        queries.push_back({"UPDATE roleswap.operation SET holds = true WHERE id = $1",
                           {std::to_string(model_.operation->id)}});
    auto done = [this, name, reason, owns](std::vector<pg::Result>& results) -> json {
        take_queue_rows(results.at(0));
        if (owns && model_.operation) model_.operation->holds = true;
        note("queue_held", fmt::format("{}: {}", name.empty() ? "all queues" : name, reason));
        return {{"held", names(results.at(0))}};
    };
    session_->write(std::move(queries), call.reply, std::move(done));
}

void Engine::Impl::queue_release(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name", "all", "restore", "operation"});
    if (model_.operation && model_.operation->holds) refuse_others(args);
    const auto name = queue_of(args, model_);
    const bool restore = args.flag("restore");
    if (restore && !name.empty())
        throw Refusal(VerbError::Code::bad_argument,
                      "roleswap queue release: restore goes with all = true only");
    auto done = [this, name](std::vector<pg::Result>& results) -> json {
        take_queue_rows(results.at(0));
        note("queue_released", name.empty() ? "all queues" : name);
        look_then_dispatch();
        std::size_t held = 0;
        for (const auto& [queue_name, queue] : model_.queues) held += queue.held ? 1U : 0U;
        return {{"released", names(results.at(0))}, {"still_held", held}};
    };
    const auto& user = call.caller.user;
    auto query = !restore           ? pg::Query{release_queue_sql, {name, user}}
                 : model_.operation ? restore_queues_query(user)
                                    : pg::Query{restore_saved_sql, {user}};
    session_->write({std::move(query)}, call.reply, std::move(done));
}

void Engine::Impl::queue_set(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name", "concurrency"});
    const auto name = args.text("name", "the name of a queue");
    if (!task::is_valid_name(name))
        throw Refusal(
            VerbError::Code::bad_argument,
            fmt::format("roleswap queue set: name is \"{}\"; allowed: 1 to 64 letters, digits, "
                        "dot, dash, underscore",
                        clean_text(name)));
    const auto limit = args.number_or("concurrency", 0, 100'000, 0); // 0: none
    const auto text = limit == 0 ? std::nullopt : std::optional(std::to_string(limit));
    session_->write({{"INSERT INTO roleswap.queue (name, concurrency) VALUES ($1, $2) "
                      "ON CONFLICT (name) DO UPDATE SET concurrency = excluded.concurrency",
                      {name, text}}},
                    call.reply, [this, name, limit](std::vector<pg::Result>&) -> json {
                        auto& queue = model_.queues[name];
                        queue.concurrency.reset();
                        if (limit > 0) queue.concurrency = static_cast<std::size_t>(limit);
                        dispatch();
                        return {{"name", name}, {"concurrency", limit}};
                    });
}

void Engine::Impl::queue_remove(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name"});
    const auto name = known_queue(args, model_);
    if (name == "default")
        throw Refusal(VerbError::Code::refused,
                      "queue \"default\" stays: tasks that name no queue are in it");
    Reply told{[reply = call.reply, name](const json& kept) {
                   if (kept.is_null()) return reply.done({{"name", name}});
                   reply.failed(
                       {VerbError::Code::refused,
                        fmt::format("queue \"{}\" stays: {}", name, kept.get<std::string>())});
               },
               call.reply.failed};
    session_->write({{"SELECT roleswap.admit_all(its_queue => $1)", {name}}, {remove_sql, {name}}},
                    std::move(told), [this, name](std::vector<pg::Result>& results) -> json {
                        const auto row = results.at(1)[0];
                        if (row.integer(3) == 0) return user_of(row);
                        model_.queues.erase(name);
                        note("queue_removed", name);
                        return nullptr;
                    });
}

} // namespace roleswap::work
