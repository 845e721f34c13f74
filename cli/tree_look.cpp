#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

constexpr const char* look_group = "Look";

void add_status(CLI::App& app, Values& values)
{
    auto* status = app.add_subcommand("status", "Both nodes, links, work at a glance");
    status->group(look_group)
        ->add_flag("--bar", values.bar, "One line, for a prompt or status bar");
    status->callback([&] { values.result = cli::status(values.context, values.bar); });

    auto* watch = app.add_subcommand("watch", "Status, live, until Ctrl-C")->group(look_group);
    watch->callback([&] { values.result = cli::watch(values.context); });

    auto* links = app.add_subcommand("links", "State, round trip and loss of the links");
    links->group(look_group)->callback([&] { values.result = cli::links(values.context); });

    auto* nodes = app.add_subcommand("nodes", "Names of the nodes, for scripts")->group(look_group);
    nodes->add_option("--role", values.role, "Only those of that role")
        ->check(CLI::IsMember({"undecided", "standby", "claiming", "master", "releasing",
                               "demoting", "dr", "unknown"}));
    nodes->callback([&] { values.result = cli::nodes(values.context, values.role); });
}

void add_events(CLI::App& app, Values& values)
{
    auto* events = app.add_subcommand("events", "What happened on both nodes, by time");
    events->group(look_group);
    events->add_option("-n,--limit", values.events.limit, "So many of the newest")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    events->add_flag("-f,--follow", values.events.follow, "Go on with new ones");
    events->callback([&] { values.result = cli::events(values.context, values.events); });
}

void add_check(CLI::App& app, Values& values)
{
    auto* check = app.add_subcommand("check", "Would a swap succeed now?  Exit code 3 if not");
    check->group(look_group)->callback([&] { values.result = cli::check(values.context); });

    auto* pending = app.add_subcommand("pending", "What the standby does not hold yet");
    pending->group(look_group);
    pending->add_flag("--wait", values.pending.wait, "Count down to zero");
    pending->add_option("--timeout", values.pending.timeout, "At most so long")
        ->capture_default_str();
    pending->callback([&] { values.result = cli::pending(values.context, values.pending); });

    auto* wait =
        app.add_subcommand("wait", "Wait until the pair has one master")->group(look_group);
    wait->add_option("--master", values.wait.master, "It must be this node");
    wait->add_flag("--in-sync", values.wait.in_sync, "And the other a standby in sync");
    wait->add_option("--timeout", values.wait.timeout, "At most so long")->capture_default_str();
    wait->callback([&] { values.result = cli::wait(values.context, values.wait); });
}

void add_why(CLI::App& app, Values& values)
{
    auto* why = app.add_subcommand("why", "Why this node is what it is, or why that happened");
    why->group(look_group);
    why->add_option("event", values.id, "SEQ or NODE:SEQ of \"events\"; the present without");
    why->callback([&] { values.result = cli::why(values.context, values.id); });
}

} // namespace

void add_look_commands(CLI::App& app, Values& values)
{
    add_status(app, values);
    add_events(app, values);
    add_why(app, values);
    add_check(app, values);
}

} // namespace roleswap::cli
