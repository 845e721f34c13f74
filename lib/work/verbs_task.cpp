#include "base/time_text.hpp"
#include "task/preview.hpp"
#include "work/confine.hpp"
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* task_name = "the name of a task";

} // namespace

const TaskEntry& Engine::Impl::find_task(const std::string& name) const
{
    const auto found = model_.tasks.find(name);
    if (found == model_.tasks.end())
        throw Refusal(VerbError::Code::not_found,
                      fmt::format("there is no task \"{}\"; see \"roleswap task list\"", name));
    return found->second;
}

void Engine::Impl::task_show(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name"});
    const auto& entry = find_task(args.text("name", task_name));
    const auto load = model_.load(entry.task.name);
    json shown{{"task", task::to_json(entry.task)},
               {"backups", model_.backups_of(entry.task.name)},
               {"followers", model_.followers_of(entry.task.name)},
               {"next_due", coming(entry)},
               {"last_due", base::to_rfc3339(entry.last_due)},
               {"running", load.running},
               {"waiting", load.waiting}};
    read_into(run_list_query(entry.task.name, "", 5), "runs", std::move(shown),
              entry.task.after.empty() ? call.reply : with_waits(call.reply, entry.task.name));
}

/// Reads one value of JSON into a part of the answer.
void Engine::Impl::read_into(pg::Query query, const char* part, json answer, Reply reply)
{
    session_->read(std::move(query), std::move(reply),
                   [part, answer = std::move(answer)](std::vector<pg::Result>& results) -> json {
                       auto whole = answer;
                       whole[part] = json::parse(results.at(0)[0].text(0));
                       return whole;
                   });
}

/// Adds what the task waits for.
Reply Engine::Impl::with_waits(const Reply& reply, const std::string& name)
{
    auto done = [this, reply, name](const json& result) {
        read_into(waits_query(name), "waits_for", result, reply);
    };
    return {std::move(done), reply.failed};
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

/// Why the due times of a task bring no run, or not at once; empty when they do.
std::string Engine::Impl::hindrance(const TaskEntry& entry) const
{
    if (entry.is_backup())
        return fmt::format("it stands in for {} on {} and is due with it", *entry.task.backup_of,
                           *entry.task.backup_on);
    if (!entry.task.enabled) return "the task is disabled: none of these times brings a run";
    if (!entry.has_schedule())
        return fmt::format("it has no times of its own: it runs {}", after_text(entry.task));
    if (entry.schedule.is_reboot())
        return "@reboot has no due times: it runs once per boot of the pair";
    if (!entry.schedule.next(std::chrono::floor<std::chrono::seconds>(now())))
        return "never: the schedule has no due time any more";
    const auto because = [](const std::string& reason) {
        return reason.empty() ? std::string{} : " (" + reason + ")";
    };
    if (model_.pause.paused)
        return "everything is paused " + pause_text() + ": its end decides by catch_up";
    if (model_.scheduler.stopped)
        return fmt::format("the scheduler is stopped{}: its start decides by catch_up",
                           because(model_.scheduler.reason));
    const auto queue = model_.queues.find(entry.task.queue);
    if (queue == model_.queues.end() || !queue->second.held) return "";
    return fmt::format("queue {} is held{}: runs wait in it", entry.task.queue,
                       because(queue->second.reason));
}

void Engine::Impl::task_next(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name", "count"});
    const auto& entry = find_task(args.text("name", task_name));
    const auto count = static_cast<std::size_t>(args.number_or("count", 1, 1000, 5));
    const auto time = std::chrono::floor<std::chrono::seconds>(now());
    auto next = json::array();
    if (entry.has_schedule()) next = task::coming(entry.schedule, entry.task, time, count);
    call.reply.done({{"name", entry.task.name},
                     {"schedule", entry.task.schedule},
                     {"after", *entry.task.after},
                     {"timezone", entry.schedule.zone().name()},
                     {"next", std::move(next)},
                     {"why", hindrance(entry)}});
}

/// Adds when the task is due next, which is known once it is in the model.
Reply Engine::Impl::with_next_due(const Reply& reply, const std::string& name) const
{
    auto done = [this, reply, name](const json& result) {
        auto whole = result;
        const auto next = planner_.next(name);
        whole["next_due"] = next ? json(base::to_rfc3339(*next)) : json(nullptr);
        reply.done(whole);
    };
    return {std::move(done), reply.failed};
}

void Engine::Impl::task_add(const Call& call)
{
    const Arguments args(call.verb, call.args, {"task"});
    auto entry = make_entry(task::from_json(args.object("task", "an object of task fields")),
                            std::chrono::floor<std::chrono::seconds>(now()), defaults_);
    check_is_ever_due(entry, entry.last_due);
    check_can_be_held(entry.task);
    if (model_.tasks.contains(entry.task.name))
        throw Refusal(VerbError::Code::refused,
                      fmt::format("task \"{}\" exists; change it by \"roleswap apply\", or remove "
                                  "it first",
                                  entry.task.name));
    const auto name = entry.task.name;
    change_one(with_next_due(call.reply, name), {{"name", name}}, std::move(entry));
}

void Engine::Impl::task_remove(const Call& call)
{
    const Arguments args(call.verb, call.args, {"name"});
    const auto name = find_task(args.text("name", task_name)).task.name;
    Change alone;
    refuse_orphans(alone, name);
    const auto ticket = begin_change(call.reply);
    auto& change = changes_.at(ticket);
    change.answer = {{"name", name}};
    change.removed.insert(name);
    write_change(ticket);
}

void Engine::Impl::set_enabled(const Call& call, bool enabled)
{
    const Arguments args(call.verb, call.args, {"name"});
    auto entry = find_task(args.text("name", task_name));
    const auto name = entry.task.name;
    if (entry.task.enabled != enabled)
        entry.last_due = std::chrono::floor<std::chrono::seconds>(now());
    entry.task.enabled = enabled;
    change_one(with_next_due(call.reply, name), {{"name", name}, {"enabled", enabled}},
               std::move(entry));
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
    if (entry.is_backup())
        throw Refusal(VerbError::Code::refused,
                      fmt::format("task \"{}\" is the backup of \"{}\": run that, it uses the "
                                  "backup's command on {}",
                                  entry.task.name, *entry.task.backup_of, *entry.task.backup_on));
    NewRun run{.task = entry.task.name,
               .queue = entry.task.queue,
               .cause = "manual",
               .due = due_now(),
               .priority = entry.task.priority,
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
    auto text = args.text("toml", "the text of a file of tasks");
    const bool dry_run = args.flag("dry_run");
    const bool remove_others = args.flag("remove_others");
    const auto ticket = begin_change(call.reply);
    auto& change = changes_.at(ticket);
    change.text = std::move(text);
    change.dry_run = dry_run;
    change.remove_others = remove_others;
    worker_.run([&change, &defaults = defaults_] { read_text(change, defaults); },
                [this, ticket] { compare(ticket); });
}

} // namespace roleswap::work
