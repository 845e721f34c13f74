#include "base/time_text.hpp"
#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

json which(const HistoryOptions& options)
{
    const int ways = (options.id.empty() ? 0 : 1) + (options.task.empty() ? 0 : 1) + options.all;
    if (ways != 1) throw UsageError("Name one entry by its number, or say --task NAME or --all.");
    if (!options.id.empty()) return {{"id", id_value(options.id)}};
    if (!options.task.empty()) return {{"task", options.task}};
    return {{"all", true}};
}

} // namespace

int history_list(Context& context, const HistoryOptions& options)
{
    json args{{"state", options.state}, {"limit", options.limit}};
    if (!options.task.empty()) args["task"] = options.task;
    context.print(context.call("history_list", args),
                  [&](const json& result) { return render_history(result, context.style); });
    return exit_ok;
}

int history_show(Context& context, const std::string& id)
{
    context.print(context.call("history_show", {{"id", id_value(id)}}),
                  [&](const json& result) { return render_history_entry(result, context.style); });
    return exit_ok;
}

int history_decide(Context& context, const std::string& verb, const HistoryOptions& options)
{
    const bool accept = verb == "history_accept";
    context.print(context.call(verb, which(options)), [&](const json& result) {
        return fmt::format("{} {}, {} undecided.\n",
                           list(result, accept ? "accepted" : "dismissed").size(),
                           accept ? "accepted: they are in the run table now"
                                  : "dismissed: they stay in the server history",
                           number(result, "undecided"));
    });
    return exit_ok;
}

} // namespace roleswap::cli
