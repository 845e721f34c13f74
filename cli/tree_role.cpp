#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

constexpr const char* group = "Roles";

/// Commands that hand the options they do not know to their runbook.
CLI::App* add_runbook(CLI::App& app, const char* name, const char* what)
{
    auto* command = app.add_subcommand(name, what)->group(group);
    command->prefix_command();
    command->footer("Options of the runbook: --dry-run, --yes, --sync-wait TIME, --reason TEXT.");
    return command;
}

void add_runbooks(CLI::App& app, Values& values)
{
    auto* swap = add_runbook(app, "swap", "Planned swap of the roles (planned-swap)");
    swap->callback([&values, swap] {
        values.result = run_runbook(values.context, {"planned-swap", swap->remaining()});
    });
    auto* undo = add_runbook(app, "undo", "Take back the last planned swap");
    undo->callback(
        [&values, undo] { values.result = cli::undo(values.context, undo->remaining()); });
    auto* rejoin =
        add_runbook(app, "rejoin", "Make this node the standby again (master-to-standby)");
    rejoin->callback([&values, rejoin] {
        values.result = run_runbook(values.context, {"master-to-standby", rejoin->remaining()});
    });
}

void add_activate(CLI::App& app, Values& values)
{
    auto* activate =
        app.add_subcommand("activate", "Make this standby the master (standby-to-master)");
    activate->group(group);
    activate->add_flag("--force", values.activate.force, "Whatever this node knows of the other");
    activate->add_option("--reason", values.activate.reason, "Recorded; required with --force");
    activate->add_flag("--yes", values.activate.yes, "Do not ask");
    activate->callback([&] { values.result = cli::activate(values.context, values.activate); });
}

void add_takeover(CLI::App& app, Values& values)
{
    auto* takeover = app.add_subcommand("takeover", "Whether this node may take over by itself");
    takeover->group(group)->require_subcommand(1);
    for (const char* action : {"hold", "release"}) {
        auto* command = takeover->add_subcommand(
            action, action == std::string_view("hold") ? "Forbid it" : "Allow it again");
        command->add_option("--reason", values.reason, "Shown in status");
        command->callback([&values, action] {
            values.result = cli::takeover(values.context, action, values.reason);
        });
    }
}

/// The steps that runbooks are made of.
void add_primitives(CLI::App& app, Values& values)
{
    auto* primitive = app.add_subcommand("primitive", "The bare steps that runbooks are made of");
    primitive->group(group)->require_subcommand(1);
    auto* activate = primitive->add_subcommand("activate", "Only the core's activation");
    activate->add_flag("--force", values.activate.force, "Whatever this node knows");
    activate->add_option("--reason", values.activate.reason, "Recorded; required with --force");
    activate->add_flag("--yes", values.activate.yes, "Do not ask");
    activate->callback([&] { values.result = activate_now(values.context, values.activate); });
    auto* rejoin = primitive->add_subcommand("rejoin", "Only the core's rejoin");
    rejoin->callback([&] { values.result = rejoin_now(values.context); });

    auto* hand_over = app.add_subcommand("hand-over", "Only the hand-over itself, no preparation");
    hand_over->group(group)->add_option("--operation", values.id, "Operation it belongs to");
    hand_over->callback([&] { values.result = cli::hand_over(values.context, values.id); });
}

void add_operation(CLI::App& app, Values& values)
{
    auto* operation = app.add_subcommand("operation", "The report of a swap, activation, rejoin");
    operation->group(group)->require_subcommand(1);

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
    end->add_option("result", values.outcome, "done, undone or failed")->required();
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
    add_operation(app, values);
    add_primitives(app, values);
}

} // namespace roleswap::cli
