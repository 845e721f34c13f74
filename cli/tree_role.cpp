#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

constexpr const char* role_group = "Roles";

/// The options that the installed runbooks know; what comes after -- is for a site's own.
CLI::App* add_runbook(CLI::App& app, Values& values, const char* name, const char* what)
{
    auto* command = app.add_subcommand(name, what)->group(role_group);
    const auto pass = [&values](const char* option) {
        return [&values, option](std::int64_t) { values.arguments.emplace_back(option); };
    };
    const auto pass_text = [&values](const char* option) {
        return [&values, option](const std::string& text) {
            values.arguments.insert(values.arguments.end(), {option, text});
        };
    };
    command->add_flag_function("--dry-run", pass("--dry-run"), "Print the steps, do nothing");
    command->add_flag_function("--yes", pass("--yes"), "Do not ask");
    command->add_option_function<std::string>("--sync-wait", pass_text("--sync-wait"),
                                              "Wait so long for the other node to be in sync");
    if (name != std::string_view("rejoin"))
        command->add_option_function<std::string>("--agent-wait", pass_text("--agent-wait"),
                                                  "Wait so long for the agents");
    values.after_dashes[command] = &values.words;
    command->footer("After --: words for a runbook of this site.");
    return command;
}

int start_runbook(Values& values, const char* name)
{
    values.arguments.insert(values.arguments.end(), values.words.begin(), values.words.end());
    return run_runbook(values.context, {name, values.arguments});
}

void add_runbooks(CLI::App& app, Values& values)
{
    auto* swap = add_runbook(app, values, "swap", "Planned swap of the roles (planned-swap)");
    swap->add_option_function<std::string>(
        "--reason",
        [&](const std::string& text) {
            values.arguments.insert(values.arguments.end(), {"--reason", text});
        },
        "Shown with the held queues");
    swap->callback([&] { values.result = start_runbook(values, "planned-swap"); });
    auto* undo = add_runbook(app, values, "undo", "Take back the last planned swap");
    undo->callback([&] { values.result = cli::undo(values.context, values.arguments); });
    auto* rejoin =
        add_runbook(app, values, "rejoin",
                    "Make this node a standby, or the dr node a mirror, again (master-to-standby)");
    rejoin->callback([&] { values.result = start_runbook(values, "master-to-standby"); });
}

void add_activate(CLI::App& app, Values& values)
{
    auto* activate = app.add_subcommand(
        "activate", "Make this standby, or the dr node, the master (standby-to-master)");
    activate->group(role_group);
    activate->add_flag("--force", values.activate.force, "Whatever this node knows of the other");
    activate->add_option("--reason", values.activate.reason, "Recorded; required with --force");
    activate->add_flag("--yes", values.activate.yes, "Do not ask");
    activate->add_flag("--dry-run", values.activate.dry_run,
                       "What it would do, on what evidence; do nothing");
    activate->callback([&] { values.result = cli::activate(values.context, values.activate); });
}

void add_takeover(CLI::App& app, Values& values)
{
    auto* takeover = app.add_subcommand("takeover", "Whether this node may take over by itself");
    takeover->group(role_group)->require_subcommand(1);
    for (const char* action : {"hold", "release"}) {
        const bool hold = action == std::string_view("hold");
        auto* command = takeover->add_subcommand(action, hold ? "Forbid it" : "Allow it again");
        if (hold) command->add_option("--reason", values.reason, "Shown in status");
        command->callback([&values, action] {
            values.result = cli::takeover(values.context, action, values.reason);
        });
    }
}

void add_fence(CLI::App& app, Values& values)
{
    auto* fence = app.add_subcommand("fence", "Switching the other node off");
    fence->group(role_group)->require_subcommand(1);
    auto* status = fence->add_subcommand("status", "The device and what it did last");
    status->callback([&] { values.result = fence_status(values.context); });
    auto* test = fence->add_subcommand("test", "Does the device answer?  Switches nothing");
    test->add_flag("--really", values.fence.really, "Switch the other node off");
    test->add_flag("--yes", values.fence.yes, "Do not ask");
    test->callback([&] { values.result = fence_test(values.context, values.fence); });
    auto* confirm = fence->add_subcommand("confirm", "A human says that the other node is off");
    confirm->add_flag("--yes", values.fence.yes, "Do not ask");
    confirm->callback([&] { values.result = fence_confirm(values.context, values.fence); });
}

/// The steps that runbooks are made of.
void add_primitives(CLI::App& app, Values& values)
{
    auto* primitive = app.add_subcommand("primitive", "The bare steps that runbooks are made of");
    primitive->group(role_group)->require_subcommand(1);
    auto* activate = primitive->add_subcommand("activate", "Only the core's activation");
    activate->add_flag("--force", values.activate.force, "Whatever this node knows");
    activate->add_option("--reason", values.activate.reason, "Recorded; required with --force");
    activate->add_flag("--yes", values.activate.yes, "Do not ask");
    activate->add_flag("--dry-run", values.activate.dry_run, "Only whether it would be done");
    activate->callback([&] { values.result = activate_now(values.context, values.activate); });
    auto* rejoin = primitive->add_subcommand("rejoin", "Only the core's rejoin");
    rejoin->callback([&] { values.result = rejoin_now(values.context); });

    auto* hand_over = app.add_subcommand("hand-over", "Only the hand-over itself, no preparation");
    hand_over->group(role_group)->add_option("--operation", values.id, "Operation it belongs to");
    hand_over->callback([&] { values.result = cli::hand_over(values.context, values.id); });
}

void add_operation(CLI::App& app, Values& values)
{
    auto* operation = app.add_subcommand("operation", "The report of a swap, activation, rejoin");
    operation->group(role_group)->require_subcommand(1);

    auto* begin = operation->add_subcommand("begin", "Open one; prints its id");
    begin->add_option("--kind", values.kind, "swap, activate, rejoin or drill")->required();
    begin->add_option("--owner-pid", values.owner, "When it dies, the daemon puts all back")
        ->required();
    begin->callback(
        [&] { values.result = operation_begin(values.context, values.kind, values.owner); });

    auto* step = operation->add_subcommand("step", "Note a step");
    step->add_option("id", values.step.id, "Operation")->required();
    step->add_option("step", values.step.step, "Name of the step")->required();
    step->add_option("state", values.step.state, "start, done, failed or undone")->required();
    step->add_option("--detail", values.step.detail, "One sentence");
    step->callback([&] { values.result = operation_step(values.context, values.step); });

    auto* end = operation->add_subcommand("end", "Close one");
    end->add_option("id", values.id, "Operation")->required();
    end->add_option("result", values.outcome, "done, undone, failed or abandoned")->required();
    end->add_option("--why", values.why, "One sentence");
    end->callback([&] {
        values.result = operation_end(values.context, values.id, values.outcome, values.why);
    });

    auto* show = operation->add_subcommand("show", "The newest, or one of that id");
    show->add_option("id", values.id, "Operation");
    show->callback([&] { values.result = operation_show(values.context, values.id); });
}

} // namespace

void add_role_commands(CLI::App& app, Values& values)
{
    add_runbooks(app, values);
    add_activate(app, values);
    add_takeover(app, values);
    add_fence(app, values);
    add_operation(app, values);
    add_primitives(app, values);
}

} // namespace roleswap::cli
