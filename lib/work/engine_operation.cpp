#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;
/// An operation whose owner nobody here can watch is given up after this without a step.
constexpr std::chrono::minutes operation_idle{15};

json step_json(const Step& step)
{
    return {{"step", step.step}, {"state", step.state}, {"detail", step.detail}, {"at", step.at}};
}

} // namespace

/// An open operation goes on where its hand-over led to this epoch; any other is over.
void Engine::Impl::adopt_operation(LoadKind kind)
{
    if (!model_.operation) return;
    const auto& operation = *model_.operation;
    // Epochs of a node are odd or even, so the one after a hand-over may be two further.
    const bool handed_over =
        operation.hand_over_epoch != 0 && epoch_ - operation.hand_over_epoch <= 1;
    if (kind == LoadKind::first && operation.begun_epoch != epoch_ && !handed_over)
        return end_operation("abandoned", "the master changed otherwise than by its hand-over", {});
    touch_operation();
    if (operation.owner_node == settings_.node && operation.owner_pid > 0)
        host_.watch_owner(operation.id, static_cast<pid_t>(operation.owner_pid));
}

void Engine::Impl::touch_operation()
{
    const auto& operation = *model_.operation;
    if (operation.owner_node == settings_.node && operation.owner_pid > 0) return; // is watched
    operation_timer_.start_in(operation_idle);
}

void Engine::Impl::end_operation(const std::string& result, const std::string& why, Reply reply)
{
    if (!model_.operation) return;
    if (!ending_) ending_ = Ending{result, why}; // else it is on its way
    if (session_ready_) write_operation_end(std::move(reply));
}

pg::Query Engine::Impl::restore_queues_query(const std::string& user)
{
    return {R"(UPDATE roleswap.queue SET held = coalesce(operation_held, held),
                   reason = CASE WHEN operation_held IS NULL THEN reason ELSE coalesce(operation_reason, '') END,
                   operation_held = NULL, operation_reason = NULL, changed_at = now(), changed_by = $1
               RETURNING name, held, reason)",
            {user}};
}

std::vector<pg::Query> Engine::Impl::operation_end_queries() const
{
    const auto& operation = *model_.operation;
    std::vector<pg::Query> queries{
        {"UPDATE roleswap.operation SET state = $2, why = $3, ended_at = now() "
         "WHERE id = $1 AND state = 'open'",
         {std::to_string(operation.id), ending_->result, clean_text(ending_->why)}}};
    if (operation.stops_scheduler)
        queries.push_back({"UPDATE roleswap.setting SET changed_at = now(), "
                           "value = '{\"stopped\": false, \"reason\": \"\"}' "
                           "WHERE name = 'scheduler'"});
    if (operation.holds)
        queries.push_back(restore_queues_query(fmt::format("operation {}", operation.id)));
    return queries;
}

void Engine::Impl::write_operation_end(Reply reply)
{
    if (!model_.operation) return ending_.reset();
    if (!reply.done)
        reply = {.done = [](const json&) {},
                 .failed =
                     [this](const VerbError& error) {
                         if (error.code != VerbError::Code::not_master) // else it is another's
                             host_.on_store_trouble("end of the operation: " + error.why);
                         if (ending_) operation_timer_.start_in(std::chrono::seconds(1));
                     }};
    session_->write(
        operation_end_queries(), std::move(reply),
        [this](std::vector<pg::Result>& results) { return take_operation_end(results); });
}

json Engine::Impl::take_operation_end(std::vector<pg::Result>& results)
{
    if (!model_.operation || !ending_) return json::object();
    const auto operation = *std::exchange(model_.operation, {});
    const auto ending = *std::exchange(ending_, {});
    operation_timer_.stop();
    host_.watch_owner(operation.id, 0);
    gate_operation_ = 0;
    if (operation.stops_scheduler) model_.scheduler = {};
    if (operation.holds) take_queue_rows(results.back());
    note("operation_ended", fmt::format("{} {}: {}{}{}", operation.kind, operation.id,
                                        ending.result, ending.why.empty() ? "" : ", ", ending.why));
    look_at_all();
    dispatch();
    return {{"id", operation.id}, {"result", ending.result}};
}

void Engine::Impl::take_queue_rows(const pg::Result& rows)
{
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const auto row = rows[i];
        auto& queue = model_.queues[std::string(row.text(0))];
        queue.held = row.boolean(1);
        queue.reason = row.text(2);
    }
}

json Engine::Impl::operation_json() const
{
    if (!model_.operation) return nullptr;
    const auto& operation = *model_.operation;
    auto steps = json::array();
    for (const auto& step : operation.steps) steps.push_back(step_json(step));
    return {{"id", operation.id},
            {"kind", operation.kind},
            {"begun_by", operation.begun_by},
            {"begun_at", operation.begun_at},
            {"owner_node", operation.owner_node},
            {"owner_pid", operation.owner_pid},
            {"steps", steps}};
}

void Engine::Impl::note_hand_over(std::int64_t operation,
                                  std::function<void(const std::string&)> on_done)
{
    if (operation == 0) return on_done({});
    if (!session_ready_ || !model_.operation || model_.operation->id != operation)
        return on_done(
            fmt::format("operation {} is not open; see \"roleswap operation show\"", operation));
    if (const auto alive = runs_alive(); alive > 0)
        return on_done(
            fmt::format("{} runs are not over; wait for them with \"roleswap drain\"", alive));
    gate_operation_ = operation;
    session_->write({{"UPDATE roleswap.operation SET hand_over_epoch = $2 WHERE id = $1",
                      {std::to_string(operation), std::to_string(epoch_ + 1)}}},
                    [on_done = std::move(on_done)](const pg::Outcome& outcome) {
                        const bool noted = std::holds_alternative<pg::Committed>(outcome);
                        on_done(noted ? "" : "the store did not take it: " + pg::describe(outcome));
                    });
}

bool Engine::Impl::owner_lives() const
{
    const auto& operation = *model_.operation;
    return operation.owner_pid > 0 &&
           host_.owner_lives(operation.owner_node, static_cast<pid_t>(operation.owner_pid));
}

/// For those who have to wait for it.
std::string Engine::Impl::open_operation() const
{
    const auto& operation = *model_.operation;
    return fmt::format("operation {} ({} by {}, since {}) is open", operation.id, operation.kind,
                       operation.begun_by, operation.begun_at);
}

/// While its owner lives that owner alone ends it: with its holds gone, runs would start in the
/// middle of a swap.
std::string Engine::Impl::way_out() const
{
    const auto& operation = *model_.operation;
    if (owner_lives())
        return fmt::format("wait for its end, or stop process {} on {}", operation.owner_pid,
                           operation.owner_node);
    return fmt::format("end it first: \"roleswap operation end {} abandoned\"", operation.id);
}

void Engine::Impl::operation_begin(const Call& call)
{
    const Arguments args(call.verb, call.args, {"kind", "owner_pid", "owner_node"});
    const auto kind = args.choice("kind", {"swap", "activate", "rejoin", "drill"});
    const auto pid = args.number_or("owner_pid", 0, 4'194'304, 0);
    const auto node = args.text_or("owner_node", "the name of a node", settings_.node);
    if (model_.operation)
        throw Refusal(VerbError::Code::refused, open_operation() + "; " + way_out());
    Operation operation{.kind = kind,
                        .begun_by = call.caller.user,
                        .owner_node = node,
                        .owner_pid = pid,
                        .begun_epoch = epoch_};
    auto done = [this, operation](std::vector<pg::Result>& results) mutable -> json {
        operation.id = results.at(0)[0].integer(0);
        operation.begun_at = results.at(0)[0].text(1);
        model_.operation = operation;
        adopt_operation(LoadKind::again);
        note("operation_begun",
             fmt::format("{} {} by {}", operation.kind, operation.id, operation.begun_by));
        return {{"id", operation.id}};
    };
    session_->write(
        {{"INSERT INTO roleswap.operation (kind, begun_by, owner_node, owner_pid, "
          "begun_epoch) VALUES ($1, $2, $3, $4, $5) RETURNING id, roleswap.iso(begun_at)",
          {kind, call.caller.user, node, std::to_string(pid), std::to_string(epoch_)}}},
        call.reply, std::move(done));
}

void Engine::Impl::operation_step(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id", "step", "state", "detail"});
    const auto id = args.number("id", 1, INT64_MAX);
    Step step{.step = args.text("step", "the name of a step"),
              .state = args.choice("state", {"start", "done", "failed", "undone"}),
              .detail = args.text_or("detail", "a sentence", "")};
    if (!model_.operation || model_.operation->id != id)
        throw Refusal(VerbError::Code::refused, fmt::format("operation {} is not open", id));
    auto done = [this, id, step](std::vector<pg::Result>& results) mutable -> json {
        if (!model_.operation || model_.operation->id != id) return json::object();
        step.at = results.at(0)[0].text(0);
        model_.operation->steps.push_back(step);
        touch_operation();
        return json::object();
    };
    session_->write(
        {{"INSERT INTO roleswap.operation_step (operation, step, state, detail) "
          "VALUES ($1, $2, $3, $4) RETURNING roleswap.iso(at)",
          {std::to_string(id), clean_text(step.step), step.state, clean_text(step.detail)}}},
        call.reply, std::move(done));
}

void Engine::Impl::operation_end(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id", "result", "why", "operation"});
    const auto id = args.number("id", 1, INT64_MAX);
    const auto result = args.choice("result", {"done", "failed", "undone", "abandoned"});
    const auto why = args.text_or("why", "a sentence", "");
    if (model_.operation && model_.operation->id == id) {
        if (owner_lives()) refuse_others(args);
        // What handed the role over is not undone by giving it up.
        const auto handed = model_.operation->hand_over_epoch;
        const bool swapped = handed != 0 && epoch_ >= handed;
        return end_operation(swapped && result == "undone" ? "failed" : result, why, call.reply);
    }
    // Ended already, perhaps by the master itself: to be told how, not to be refused.
    auto done = [id](std::vector<pg::Result>& results) -> json {
        if (results.at(0).empty()) return nullptr;
        return {{"id", id}, {"result", results.at(0)[0].text(0)}};
    };
    session_->read({"SELECT state FROM roleswap.operation WHERE id = $1", {std::to_string(id)}},
                   found_or_refused(call.reply, fmt::format("there is no operation {}", id)),
                   std::move(done));
}

void Engine::Impl::operation_show(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id"});
    const auto id = args.number_or("id", 1, INT64_MAX, 0);
    auto done = [](std::vector<pg::Result>& results) -> json {
        if (results.at(0).empty()) return {{"operation", nullptr}};
        return {{"operation", json::parse(results.at(0)[0].text(0))}};
    };
    session_->read({R"(
SELECT json_build_object('id', o.id, 'kind', kind, 'result', o.state, 'begun_by', begun_by,
    'node', owner_node, 'owner_pid', owner_pid, 'begun_epoch', begun_epoch,
    'hand_over_epoch', hand_over_epoch, 'started_at', roleswap.iso(begun_at),
    'ended_at', roleswap.iso(ended_at), 'why', why, 'steps', (
        SELECT coalesce(json_agg(json_build_object('step', step, 'state', s.state, 'detail', detail,
            'at', roleswap.iso(at), 'took_ms', took_ms) ORDER BY s.id), '[]')
        FROM (SELECT *, CASE WHEN state <> 'start' THEN (1000 * extract(epoch FROM
                  at - lag(at) OVER (PARTITION BY step ORDER BY id)))::bigint END AS took_ms
              FROM roleswap.operation_step WHERE operation = o.id) AS s))
FROM roleswap.operation o WHERE o.id = $1 OR $1 = 0 ORDER BY o.id DESC LIMIT 1)",
                    {std::to_string(id)}},
                   call.reply, std::move(done));
}

} // namespace roleswap::work
