#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

constexpr const char* policies = "What becomes of an item that an earlier attempt began and may "
                                 "have done: redo, skip or hold";

void add_marks(CLI::App& memory, Values& values)
{
    auto* begin = memory.add_subcommand("begin", "Begin an item, if it is not done");
    begin->add_option("--in-doubt", values.each.in_doubt, policies)
        ->check(CLI::IsMember({"redo", "skip", "hold"}));
    begin->callback([&] {
        values.result = memory_begin(values.context, values.name,
                                     values.each.in_doubt.empty() ? "hold" : values.each.in_doubt);
    });
    auto* done = memory.add_subcommand("done", "An item is done");
    done->callback(
        [&] { values.result = memory_done(values.context, values.name, Outcome::done); });
    auto* fail = memory.add_subcommand("fail", "An item was begun and is known not to be done");
    fail->callback(
        [&] { values.result = memory_done(values.context, values.name, Outcome::failed); });
    auto* seen = memory.add_subcommand("seen", "How far an item is; exit code 0 when it is done");
    seen->callback([&] { values.result = memory_seen(values.context, values.name); });
    for (auto* command : {begin, done, fail, seen})
        command->add_option("item", values.name, "Its text")->required();
}

void add_values(CLI::App& memory, Values& values)
{
    auto* get = memory.add_subcommand("get", "Print a value that the run keeps");
    get->add_option("key", values.name, "Its name")->required();
    get->callback([&] { values.result = memory_get(values.context, values.name); });
    auto* set = memory.add_subcommand("set", "Keep a value for further attempts");
    set->add_option("key", values.name, "Its name")->required();
    auto* value = set->add_option("value", values.why, "The value; none takes it away");
    set->callback([&values, value] {
        values.result = memory_set(values.context, values.name,
                                   value->count() > 0 ? std::optional(values.why) : std::nullopt);
    });
}

void add_memory(CLI::App& app, Values& values)
{
    auto* memory = app.add_subcommand("memory", "What runs have done already")->group(work_group);
    memory->require_subcommand(1);
    add_marks(*memory, values);
    add_values(*memory, values);
    auto* list = memory->add_subcommand("list", "Items and values of a run");
    list->add_option("run", values.memory.run, "Its number; inside a task its own");
    list->add_option("--state", values.memory.state,
                     "Only begun, done, failed, skipped, \"in doubt\" or doubtful");
    list->add_option("-n,--limit", values.memory.limit, "So many")->check(CLI::Range(1, 100'000));
    list->callback([&] { values.result = memory_list(values.context, values.memory); });
    auto* resolve = memory->add_subcommand("resolve", "Decide of an item that is in doubt");
    resolve->add_option("run", values.resolve.run, "Number of the run")->required();
    resolve->add_option("item", values.resolve.item, "Text of the item")->required();
    resolve->add_option("decision", values.resolve.decision, "done, or redo: do it again")
        ->required()
        ->check(CLI::IsMember({"done", "redo"}));
    resolve->callback([&] { values.result = memory_resolve(values.context, values.resolve); });
}

void add_each(CLI::App& app, Values& values)
{
    auto* each = app.add_subcommand("each", "In a task: a command for each item that is not done");
    each->group(work_group);
    each->add_option("--in-doubt", values.each.in_doubt, policies)
        ->check(CLI::IsMember({"redo", "skip", "hold"}));
    each->add_option("--jobs", values.each.jobs, "So many commands at a time")
        ->check(CLI::Range(1, 1000));
    each->add_flag("--keep-going", values.each.keep_going, "Go on after a command that failed");
    each->add_flag("-0,--null", values.each.null, "Items end with NUL, not with a newline");
    each->add_option("file", values.each.file, "File with an item in each line, or -")->required();
    values.after_dashes[each] = &values.each.command;
    each->footer("After --: program and arguments, {} is the item.");
    each->callback([&] {
        if (values.each.command.empty())
            throw UsageError("a program is missing after --, such as: roleswap each - -- echo {}");
        if (values.each.in_doubt.empty()) values.each.in_doubt = "redo";
        values.result = cli::each(values.context, values.each);
    });
}

} // namespace

void add_memory_commands(CLI::App& app, Values& values)
{
    add_memory(app, values);
    add_each(app, values);
}

} // namespace roleswap::cli
