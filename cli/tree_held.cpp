#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

void add_held(CLI::App& app, Values& values)
{
    auto* held = app.add_subcommand("held", "Runs that are held after an outage");
    held->group(work_group)->require_subcommand(1);
    auto* list = held->add_subcommand("list", "What would run, and why it does not");
    list->add_option("-n,--limit", values.held.limit, "So many")->check(CLI::Range(1, 10'000));
    list->callback([&] { values.result = held_list(values.context, values.held); });
    auto* release = held->add_subcommand("release", "Let them start, one after another");
    release->add_option("--rate", values.held.rate, "Such as 10/s (default), 30/m, none");
    release->callback([&] { values.result = held_release(values.context, values.held); });
    auto* drop = held->add_subcommand("drop", "Do not run them at all");
    auto* keep = held->add_subcommand("keep", "Take released ones back that have not started");
    for (auto* command : {drop, keep})
        command->callback([&values, action = command->get_name()] {
            values.result = held_change(values.context, action, values.held);
        });
    for (auto* command : {list, release, drop, keep})
        command->add_option("task", values.held.patterns,
                            "Names of tasks, * and ? in them stand for any text");
    for (auto* command : {release, drop, keep})
        command->add_flag("--all", values.held.all, "Of all tasks");
}

void add_pause(CLI::App& app, Values& values)
{
    auto* pause =
        app.add_subcommand("pause-all", "Start nothing more, on no node")->group(work_group);
    pause->add_option("--reason", values.reason, "Shown wherever the pause is");
    pause->callback([&] { values.result = pause_all(values.context, values.reason); });
    auto* resume = app.add_subcommand("resume-all", "Go on as before the pause")->group(work_group);
    resume->callback([&] { values.result = resume_all(values.context); });
}

} // namespace

void add_held_commands(CLI::App& app, Values& values)
{
    add_held(app, values);
    add_pause(app, values);
}

} // namespace roleswap::cli
