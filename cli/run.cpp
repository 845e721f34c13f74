#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

int run_list(Context& context, const RunListOptions& options)
{
    json args{{"limit", options.limit}};
    if (!options.task.empty()) args["task"] = options.task;
    if (!options.state.empty()) args["state"] = options.state;
    context.print(context.call("run_list", args),
                  [&](const json& result) { return render_runs(result, context.style); });
    return exit_ok;
}

int run_show(Context& context, const std::string& id)
{
    context.print(context.call("run_show", {{"id", id_value(id)}}),
                  [&](const json& result) { return render_run(result, context.style); });
    return exit_ok;
}

int run_kill(Context& context, const std::string& id, const std::string& reason)
{
    json args{{"id", id_value(id)}};
    if (!reason.empty()) args["reason"] = reason;
    context.print(context.call("run_kill", args), [&](const json& result) {
        if (text(result, "killed") != "asked") return "Run " + id + " is killed.\n";
        return "Agent " + printable(text(result, "agent")) + " is asked to kill run " + id + ".\n";
    });
    return exit_ok;
}

int run_again(Context& context, const std::string& id, Follow follow)
{
    const json result = context.call("run_again", {{"id", id_value(id)}});
    const auto again = text(result, "id", "?");
    if (follow == Follow::yes) return run_follow(context, {again});
    context.print(result, [&](const json& shown) {
        return "Run " + again + ", which repeats run " + id + ", is " +
               printable(text(shown, "state", "queued")) + ".\n";
    });
    return exit_ok;
}

} // namespace roleswap::cli
