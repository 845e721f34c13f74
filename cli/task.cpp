#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// Of an option that may be repeated.
json table_of(std::string_view option, const std::vector<std::string>& settings)
{
    json table = json::object();
    for (const std::string& setting : settings) {
        const auto equals = setting.find('=');
        if (equals == 0 || equals == std::string::npos)
            throw UsageError(
                fmt::format("{} was \"{}\"; allowed is NAME=VALUE.", option, printable(setting)));
        table[setting.substr(0, equals)] = setting.substr(equals + 1);
    }
    return table;
}

void put_bounds(json& task, const TaskOptions& options)
{
    if (!options.rlimit.empty()) task["rlimit"] = table_of("--rlimit", options.rlimit);
    if (!options.sandbox.empty()) task["sandbox"] = table_of("--sandbox", options.sandbox);
    if (!options.groups.empty()) task["groups"] = options.groups;
    if (options.unit) task["unit"] = true;
    if (options.no_journal) task["journal"] = false;
}

/// What goes to the daemon is JSON, which takes nothing else; replaced, it would be another task.
void check_is_text(const json& task)
{
    for (const auto& [field, value] : task.items())
        if (const auto told = where_invalid(value); !told.empty())
            throw UsageError(
                fmt::format("{} is not valid UTF-8: {}; allowed is text in UTF-8.  Keep "
                            "other bytes in a file, and name that.",
                            field, told));
}

/// Only what was given: the daemon knows the defaults.
json task_of(const TaskOptions& options)
{
    json task{{"name", options.name}};
    for (const auto& [field, value] : options.texts)
        if (!value.empty()) task[field] = value;
    for (const auto& [field, value] : options.durations)
        if (!value.empty()) task[field + "_ms"] = duration_option("--" + field, value).count();
    for (const auto& [field, value] : options.numbers)
        if (value >= 0) task[field] = value;
    if (!options.environment.empty()) task["environment"] = table_of("--env", options.environment);
    if (!options.needs.empty()) task["needs"] = options.needs;
    if (!options.except.empty()) task["except"] = options.except;
    if (!options.after.empty()) task["after"] = options.after;
    if (!options.argv.empty()) task["argv"] = options.argv;
    if (options.priority != 0) task["priority"] = options.priority;
    if (options.disabled) task["enabled"] = false;
    put_bounds(task, options);
    const bool noop = task.value("kind", "") == "noop"; // the daemon checks the rest
    if (!noop && task.contains("command") == task.contains("argv"))
        throw UsageError("A task needs either --command TEXT or a program after --.");
    if (!task.contains("schedule") && !task.contains("after") && !task.contains("backup_of"))
        throw UsageError("A task needs --schedule TEXT or --after TASK, or --backup-of NAME and "
                         "--backup-on NODE.");
    check_is_text(task);
    return task;
}

std::string next_line(const json& result)
{
    const json& due = member(result, "next_due");
    if (due.is_string()) return ", next due " + local_time(due.get<std::string>());
    return "";
}

} // namespace

int task_add(Context& context, const TaskOptions& options)
{
    const json result = context.call("task_add", {{"task", task_of(options)}});
    context.print(result, [&](const json& shown) {
        return "Task " + options.name + " added" + next_line(shown) + ".\n" + unready_lines(shown);
    });
    return exit_ok;
}

int task_list(Context& context)
{
    context.print(context.call("task_list"),
                  [&](const json& result) { return render_tasks(result, context.style); });
    return exit_ok;
}

int task_show(Context& context, const std::string& name)
{
    context.print(context.call("task_show", {{"name", name}}),
                  [&](const json& result) { return render_task(result, context.style); });
    return exit_ok;
}

int task_run(Context& context, const std::string& name, Follow follow)
{
    const json result = context.call("task_run", {{"name", name}});
    const auto id = text(result, "id", "?");
    const bool none = text(result, "state") == "skipped";
    if (follow == Follow::yes && !none) return run_follow(context, {id});
    context.print(result, [&](const json& shown) {
        if (none)
            return "Task " + name + " has a run of this very second already; none was added.\n";
        return "Run " + id + " of task " + name + " is " +
               printable(text(shown, "state", "queued")) + ".\n";
    });
    return exit_ok;
}

int task_change(Context& context, const std::string& verb, const std::string& name)
{
    context.print(context.call(verb, {{"name", name}}), [&](const json& result) {
        const std::string done = verb.substr(verb.find('_') + 1);
        return "Task " + name + " " + done + (done.ends_with('e') ? "d" : "ed") +
               next_line(result) + ".\n" + unready_lines(result);
    });
    return exit_ok;
}

} // namespace roleswap::cli
