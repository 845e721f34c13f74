#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

json which(const QueueOptions& options)
{
    if (options.all == !options.name.empty()) throw UsageError("Name one queue, or say --all.");
    if (options.all) return {{"all", true}};
    return {{"name", options.name}};
}

std::string names_line(const json& names, const std::string& what)
{
    std::string line;
    for (const json& name : names)
        line += (line.empty() ? "" : ", ") +
                printable(name.is_string() ? name.get<std::string>() : "?");
    return line.empty() ? "No queue was " + what + ": all are already.\n"
                        : "Queues " + what + ": " + line + ".\n";
}

} // namespace

int queue_list(Context& context)
{
    context.print(context.call("queue_list"),
                  [&](const json& result) { return render_queues(result, context.style); });
    return exit_ok;
}

int queue_hold(Context& context, const QueueOptions& options)
{
    json args = which(options);
    if (!options.reason.empty()) args["reason"] = options.reason;
    if (options.keep) args["save"] = true;
    name_operation(args);
    context.print(context.call("queue_hold", args),
                  [](const json& result) { return names_line(list(result, "held"), "held"); });
    return exit_ok;
}

int queue_release(Context& context, const QueueOptions& options)
{
    json args = which(options);
    if (options.keep) args["restore"] = true;
    name_operation(args);
    context.print(context.call("queue_release", args), [](const json& result) {
        return names_line(list(result, "released"), "released");
    });
    return exit_ok;
}

int queue_set(Context& context, const std::string& name, unsigned concurrency)
{
    const json args{{"name", name}, {"concurrency", concurrency}};
    context.print(context.call("queue_set", args), [&](const json&) {
        return concurrency == 0 ? "Queue " + name + " has no limit.\n"
                                : fmt::format("Queue {} runs {} at once.\n", name, concurrency);
    });
    return exit_ok;
}

int queue_remove(Context& context, const std::string& name)
{
    context.print(context.call("queue_remove", {{"name", name}}),
                  [&](const json&) { return "Queue " + name + " is removed.\n"; });
    return exit_ok;
}

int scheduler(Context& context, const std::string& action, const std::string& reason)
{
    json args = json::object();
    if (!reason.empty()) args["reason"] = reason;
    name_operation(args);
    context.print(context.call("scheduler_" + action, args), [&](const json&) {
        return action == "stop" ? "The scheduler is stopped: no due runs are made.\n"
                                : "The scheduler runs.\n";
    });
    return exit_ok;
}

} // namespace roleswap::cli
