#include "tree.hpp"
#include <CLI/CLI.hpp>

namespace roleswap::cli {
namespace {

void add_changes(CLI::App& agent, Values& values)
{
    auto* add = agent.add_subcommand("add", "Add one, and print the file that its host gets");
    add->add_option("--queue", values.agent.queues,
                    "Queue that it runs, may be repeated; without it one of its own name")
        ->take_all()
        ->expected(1)
        ->allow_extra_args(false);
    add->callback([&] { values.result = agent_add(values.context, values.agent); });
    auto* token = agent.add_subcommand("token", "Give it a new token, and print its file again");
    token->callback([&] { values.result = agent_token(values.context, values.agent.name); });
    auto* remove = agent.add_subcommand("remove", "Remove it; its queues are held");
    remove->add_option("--runs", values.agent.runs, "What becomes of its open runs")
        ->check(CLI::IsMember({"interrupt", "rerun"}));
    remove->callback([&] { values.result = agent_remove(values.context, values.agent); });
    for (auto* command : {add, token, remove})
        command->add_option("name", values.agent.name, "Its name")->required();
}

} // namespace

void add_agent_commands(CLI::App& app, Values& values)
{
    auto* agent =
        app.add_subcommand("agent", "Hosts beside the pair that run tasks")->group(work_group);
    agent->require_subcommand(1);
    auto* list = agent->add_subcommand("list", "All agents");
    list->callback([&] { values.result = agent_list(values.context); });
    add_changes(*agent, values);
    auto* wait = agent->add_subcommand(
        "wait", "Wait until all that were connected to the last master are connected to this one");
    wait->add_option("--timeout", values.agent.timeout, "At most so long")->capture_default_str();
    wait->callback([&] { values.result = agent_wait(values.context, values.agent.timeout); });
}

} // namespace roleswap::cli
