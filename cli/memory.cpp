#include "memory.hpp"
#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

namespace {

std::string variable(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string state_line(const json& result)
{
    return text(result, "state") + "\n";
}

/// Answers of one item: its state, and the exit code that a shell script tests.
int tell_state(Context& context, const json& answer, int code_of_rest)
{
    const auto& states = list(answer, "states");
    const std::string state = states.empty() ? "" : states.at(0).get<std::string>();
    context.print({{"state", state}}, state_line);
    if (state == "in doubt") return exit_in_doubt;
    return state == "done" || state == "skipped" ? exit_ok : code_of_rest;
}

} // namespace

json own_run(const std::string& command)
{
    const std::string run = variable("ROLESWAP_RUN"), token = variable("ROLESWAP_TOKEN");
    if (const auto agent = variable("ROLESWAP_AGENT"); !agent.empty())
        throw UsageError(
            fmt::format("{} works on the nodes of the pair only: this run is on agent "
                        "{}, which keeps no memory of runs.  Keep the marks in a table "
                        "of your own, or let the task run on the pair.",
                        command, printable(agent)));
    std::int64_t number = 0;
    const auto read = std::from_chars(run.data(), run.data() + run.size(), number);
    if (run.empty() || token.empty())
        throw UsageError(fmt::format("{} works inside a task only: ROLESWAP_RUN and ROLESWAP_TOKEN "
                                     "are not set.  Let roleswap run it: roleswap task add.",
                                     command));
    if (read.ec != std::errc() || read.ptr != run.data() + run.size())
        throw UsageError(
            fmt::format("ROLESWAP_RUN is \"{}\"; allowed is the number of a run.", printable(run)));
    return {{"run", number}, {"token", token}};
}

void check_item(const std::string& item, const std::string& what)
{
    if (item.empty() || item.size() > item_bytes_max)
        throw UsageError(fmt::format("{} has {} bytes; allowed are 1 to {}.", what, item.size(),
                                     item_bytes_max));
    if (item.find('\0') != std::string::npos)
        throw UsageError(what + " holds a NUL byte, which cannot be kept; give items that end with "
                                "NUL with -0.");
    if (const auto told = where_invalid(item); !told.empty())
        throw UsageError(fmt::format("{} is not valid UTF-8, which cannot be kept: {}.  Encode it, "
                                     "for example by base64.",
                                     what, told));
}

int memory_begin(Context& context, const std::string& item, const std::string& in_doubt)
{
    auto args = own_run("roleswap memory begin");
    check_item(item, "The item");
    args.update({{"items", {item}}, {"in_doubt", in_doubt}});
    const int code = tell_state(context, context.call("memory_begin", args, mark_wait), -1);
    if (code == exit_in_doubt) return code;
    return code == exit_ok ? exit_refused : exit_ok; // done before: nothing to begin
}

int memory_done(Context& context, const std::string& item, Outcome outcome)
{
    auto args = own_run("roleswap memory done");
    check_item(item, "The item");
    args.update({{"items", {item}}, {"failed", outcome == Outcome::failed}});
    return tell_state(context, context.call("memory_done", args, mark_wait), exit_ok);
}

int memory_seen(Context& context, const std::string& item)
{
    auto args = own_run("roleswap memory seen");
    check_item(item, "The item");
    args.update({{"items", {item}}});
    return tell_state(context, context.call("memory_seen", args), exit_failed);
}

int memory_get(Context& context, const std::string& key)
{
    auto args = own_run("roleswap memory get");
    args["key"] = key;
    const auto result = context.call("memory_get", args);
    if (member(result, "value").is_null())
        throw bus::Error(bus::ErrorCode::not_found, "This run keeps no value " + key + ".");
    context.print(result, [](const json& found) { return text(found, "value") + "\n"; });
    return exit_ok;
}

int memory_set(Context& context, const std::string& key, const std::optional<std::string>& value)
{
    auto args = own_run("roleswap memory set");
    args["key"] = key;
    args["value"] = value ? json(*value) : json(nullptr);
    context.print(context.call("memory_set", args), [](const json&) { return ""; });
    return exit_ok;
}

int memory_list(Context& context, const MemoryListOptions& options)
{
    const bool own = options.run.empty();
    auto args =
        own ? own_run("roleswap memory list without a run") : json{{"id", id_value(options.run)}};
    args["limit"] = options.limit;
    if (!options.state.empty()) args["state"] = options.state;
    context.print(context.call(own ? "memory_list" : "memory_show", args),
                  [&](const json& result) { return render_memory(result, context.style); });
    return exit_ok;
}

int memory_resolve(Context& context, const ResolveOptions& options)
{
    context.print(context.call("memory_resolve", {{"id", id_value(options.run)},
                                                  {"item", options.item},
                                                  {"decision", options.decision}}),
                  [&](const json&) {
                      return fmt::format(
                          "Item \"{}\" of run {} {}.\n", printable(options.item), options.run,
                          options.decision == "done" ? "counts as done" : "is to be done again");
                  });
    return exit_ok;
}

} // namespace roleswap::cli
