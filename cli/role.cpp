#include "base/time_text.hpp"
#include "commands.hpp"
#include "field.hpp"
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// Forcing a role is the one command that can cost data, so a person is asked once.
void confirm_force(const ActivateOptions& options)
{
    if (options.reason.empty())
        throw UsageError("activate --force needs --reason TEXT; it is recorded on both nodes.");
    if (options.yes || isatty(STDIN_FILENO) != 1) return;
    fmt::print("The other node may hold results that this one lacks, and if it still runs there "
               "are two masters.\nForce this node to be master? Type yes: ");
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "yes")
        throw bus::Error(bus::ErrorCode::refused, "Nothing was done: the answer was not yes.");
}

std::string took(const json& result)
{
    const json& value = member(result, "took_ms");
    if (!value.is_number()) return "";
    return " in " + base::human_duration(milliseconds(value.get<std::int64_t>()));
}

std::string render_assessment(const json& result)
{
    const std::string would = text(result, "would");
    const std::string why = printable(text(result, "why"));
    std::string lines = would == "activate" ? "It would be done" : "It would be refused";
    if (would == "nothing") lines = "Nothing would be done";
    lines += (why.empty() ? "" : ": " + why) + ".\n";
    for (const json& sentence : list(result, "evidence"))
        if (sentence.is_string()) lines += "  " + printable(sentence.get<std::string>()) + "\n";
    return lines;
}

int assess_activation(Context& context, bool force)
{
    const json result = context.call("activate_check", {{"force", force}});
    context.print(result, render_assessment);
    return text(result, "would") == "refuse" ? exit_refused : exit_ok;
}

} // namespace

int hand_over(Context& context, const std::string& operation)
{
    json args = json::object();
    if (!operation.empty()) args["operation"] = id_value(operation);
    context.print(context.call("hand_over", args, long_wait), [](const json& result) {
        return fmt::format("{} is master of epoch {}{}.\n",
                           printable(text(result, "master", "The peer")),
                           text(result, "epoch", "?"), took(result));
    });
    return exit_ok;
}

int activate_now(Context& context, const ActivateOptions& options)
{
    if (options.dry_run) return assess_activation(context, options.force);
    if (options.force) confirm_force(options);
    json args{{"force", options.force}};
    if (!options.reason.empty()) args["reason"] = options.reason;
    context.print(context.call("activate", args, long_wait), [](const json& result) {
        return fmt::format("This node is master of epoch {}{}.\n", text(result, "epoch", "?"),
                           took(result));
    });
    return exit_ok;
}

int rejoin_now(Context& context)
{
    context.print(context.call("rejoin", long_wait), [](const json& result) {
        return fmt::format("This node rejoins: {}.\n", printable(text(result, "state", "begun")));
    });
    return exit_ok;
}

int takeover(Context& context, const std::string& action, const std::string& reason)
{
    json args = json::object();
    if (!reason.empty()) args["reason"] = reason;
    context.print(context.call("takeover_" + action, args), [&](const json&) {
        return action == "hold" ? "This node does not take over by itself until it is released.\n"
                                : "This node takes over by itself again.\n";
    });
    return exit_ok;
}

} // namespace roleswap::cli
