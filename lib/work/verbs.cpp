#include "base/command_name.hpp"
#include "base/time_text.hpp"
#include "task/error.hpp"
#include "work/engine_impl.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace roleswap::work {

using nlohmann::json;

/// A verb waits so long for a store that is being connected to.
constexpr std::chrono::seconds early_limit{5};

Engine::Impl::Verb Engine::Impl::find_verb(std::string_view name)
{
    static const std::map<std::string_view, Verb> verbs{
        {"task_list", &Impl::task_list},
        {"task_show", &Impl::task_show},
        {"task_next", &Impl::task_next},
        {"task_export", &Impl::task_export},
        {"task_add", &Impl::task_add},
        {"task_remove", &Impl::task_remove},
        {"task_enable", &Impl::task_enable},
        {"task_disable", &Impl::task_disable},
        {"task_run", &Impl::task_run},
        {"task_apply", &Impl::task_apply},
        {"run_list", &Impl::run_list},
        {"run_show", &Impl::run_show},
        {"run_output", &Impl::run_output},
        {"run_kill", &Impl::run_kill},
        {"run_again", &Impl::run_again},
        {"queue_list", &Impl::queue_list},
        {"queue_hold", &Impl::queue_hold},
        {"queue_release", &Impl::queue_release},
        {"queue_set", &Impl::queue_set},
        {"queue_remove", &Impl::queue_remove},
        {"held_list", &Impl::held_list},
        {"held_release", &Impl::held_release},
        {"held_drop", &Impl::held_drop},
        {"held_keep", &Impl::held_keep},
        {"pause_all", &Impl::pause_all},
        {"resume_all", &Impl::resume_all},
        {"scheduler_stop", &Impl::scheduler_stop},
        {"scheduler_start", &Impl::scheduler_start},
        {"drain", &Impl::drain},
        {"operation_begin", &Impl::operation_begin},
        {"operation_step", &Impl::operation_step},
        {"operation_end", &Impl::operation_end},
        {"operation_show", &Impl::operation_show},
        {"history_add", &Impl::history_add},
        {"history_list", &Impl::history_list},
        {"history_show", &Impl::history_show},
        {"history_accept", &Impl::history_accept},
        {"history_dismiss", &Impl::history_dismiss},
        {"join_password", &Impl::join_password},
        {"memory_begin", &Impl::memory_begin},
        {"memory_done", &Impl::memory_done},
        {"memory_seen", &Impl::memory_seen},
        {"memory_get", &Impl::memory_get},
        {"memory_set", &Impl::memory_set},
        {"memory_list", &Impl::memory_list},
        {"memory_show", &Impl::memory_show},
        {"memory_resolve", &Impl::memory_resolve},
        {"agent_add", &Impl::agent_add},
        {"agent_list", &Impl::agent_list},
        {"agent_remove", &Impl::agent_remove},
        {"agent_token", &Impl::agent_token},
    };
    const auto found = verbs.find(name);
    return found == verbs.end() ? nullptr : found->second;
}

bool Engine::Impl::handle(std::string_view verb, const json& args, const Caller& caller,
                          Reply reply)
{
    if (find_verb(verb) == nullptr) return false;
    // Marks wait in any case; who calls them runs here already.
    const bool can_wait =
        phase_ == Phase::running && (verb == "memory_begin" || verb == "memory_done");
    if (phase_ != Phase::stopped && !session_ready_ &&
        !can_wait) { // just after a swap: the store is being read
        if (early_calls_.empty()) early_timer_.start_in(early_limit);
        early_calls_.push_back({std::string(verb), args, caller, std::move(reply)});
        return true;
    }
    if (changes_tasks(verb) && !changes_.empty()) {
        late_calls_.push_back({std::string(verb), args, caller, std::move(reply)});
        return true;
    }
    const Call made{verb, args, caller, std::move(reply)};
    try {
        call(made);
    } catch (const Refusal& refusal) {
        made.reply.failed({refusal.code, refusal.what()});
    } catch (const task::Error& error) {
        made.reply.failed({VerbError::Code::bad_argument,
                           fmt::format("{}: {}", base::command_name(verb), error.what())});
    } catch (const task::FileError& error) {
        made.reply.failed({VerbError::Code::bad_argument,
                           fmt::format("{}: {}", base::command_name(verb), error.what())});
    }
    return true;
}

void Engine::Impl::answer_early_calls()
{
    early_timer_.stop();
    for (auto& early : std::exchange(early_calls_, {}))
        handle(early.verb, early.args, early.caller, std::move(early.reply));
}

void Engine::Impl::refuse_early_calls(const VerbError& error)
{
    early_timer_.stop();
    for (const auto& early : std::exchange(early_calls_, {})) early.reply.failed(error);
}

void Engine::Impl::call(const Call& made)
{
    if (phase_ == Phase::stopped)
        throw Refusal(VerbError::Code::not_master,
                      fmt::format("node {} is not master; ask its peer", settings_.node));
    (this->*find_verb(made.verb))(made);
}

json Engine::Impl::status_part() const
{
    auto queues = json::array();
    std::size_t running = 0;
    for (const auto& [name, queue] : model_.queues) {
        running += queue.running;
        queues.push_back({{"name", name},
                          {"held", queue.held},
                          {"reason", queue.reason},
                          {"running", queue.running},
                          {"waiting", queue.waiting.size()},
                          {"more", queue.more},
                          {"agent", queue.agent}});
    }
    json next = nullptr;
    if (const auto nearest = planner_.nearest())
        next = {{"task", nearest->second}, {"due", base::to_rfc3339(nearest->first)}};
    return {{"queues", queues},
            {"scheduler",
             {{"state", model_.scheduler.stopped ? "stopped" : "running"},
              {"reason", model_.scheduler.reason}}},
            {"tasks",
             {{"total", model_.tasks.size()},
              {"enabled", model_.enabled_tasks()},
              {"running", running},
              {"next", next}}},
            {"held", held_json()},
            {"paused", pause_json()},
            {"operation", operation_json()},
            {"agents", agents_json()},
            {"history", {{"undecided", undecided_}}}};
}

void Engine::Impl::set_scheduler(const Call& call, Scheduler scheduler)
{
    if (scheduler.stopped) show_last_life();
    const json value{{"stopped", scheduler.stopped}, {"reason", scheduler.reason}};
    std::vector<pg::Query> queries{
        {"INSERT INTO roleswap.setting (name, value) VALUES ('scheduler', $1::jsonb) "
         "ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = now()",
         {value.dump()}}};
    const bool owns = model_.operation && scheduler.stopped != model_.scheduler.stopped;
    if (owns)
        queries.push_back(
            {"UPDATE roleswap.operation SET stops_scheduler = $2 WHERE id = $1",
             {std::to_string(model_.operation->id), scheduler.stopped ? "true" : "false"}});
    auto done = [this, scheduler, owns, value](std::vector<pg::Result>&) -> json {
        model_.scheduler = scheduler;
        if (owns && model_.operation) model_.operation->stops_scheduler = scheduler.stopped;
        note(scheduler.stopped ? "scheduler_stopped" : "scheduler_started", scheduler.reason);
        look_at_all();
        return value;
    };
    session_->write(std::move(queries), call.reply, std::move(done));
}

/// A step of a runbook whose operation has ended meanwhile would stop what nobody starts again.
void Engine::Impl::refuse_late_step(const Arguments& args) const
{
    const auto id = args.number_or("operation", 1, INT64_MAX, 0);
    if (id == 0 || (model_.operation && model_.operation->id == id && !ending_)) return;
    throw Refusal(VerbError::Code::refused, fmt::format("operation {} is over", id));
}

/// What an open operation took is given back by itself alone.
void Engine::Impl::refuse_others(const Arguments& args) const
{
    if (args.number_or("operation", 1, INT64_MAX, 0) == model_.operation->id) return;
    throw Refusal(VerbError::Code::refused, open_operation() + "; " + way_out());
}

void Engine::Impl::scheduler_stop(const Call& call)
{
    const Arguments args(call.verb, call.args, {"reason", "operation"});
    refuse_late_step(args);
    set_scheduler(call, {true, clean_text(args.text_or("reason", "a sentence", ""))});
}

void Engine::Impl::scheduler_start(const Call& call)
{
    const Arguments args(call.verb, call.args, {"operation"});
    if (model_.operation && model_.operation->stops_scheduler) refuse_others(args);
    set_scheduler(call, {});
}

} // namespace roleswap::work
