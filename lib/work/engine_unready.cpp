// What tasks that were just added or changed lack on this node: told at once, not when they are
// due.
#include "work/bindings.hpp"
#include "work/engine_impl.hpp"
#include <map>
#include <memory>

namespace roleswap::work {
namespace {

using nlohmann::json;

/// More are left to "roleswap check": they would hold the loop.
constexpr std::size_t judged_max = 1000;

struct Judging {
    std::vector<task::Task> tasks;
    Bindings::Report report;
};

json to_json(const Bindings::Report& report, const std::string& node)
{
    auto list = json::array();
    for (const auto& one : report.list)
        list.push_back({{"node", node},
                        {"task", one.task},
                        {"what", one.what},
                        {"value", one.value},
                        {"fix", one.fix}});
    return list;
}

/// Of an answer to task_add, task_enable or task_apply.
json names_of(const json& answer)
{
    auto names = answer.value("added", json::array());
    for (const auto& name : answer.value("changed", json::array())) names.push_back(name);
    if (answer.contains("name")) names.push_back(answer["name"]);
    return names;
}

} // namespace

/// The tasks with those of which they are the backup.  What an agent runs needs nothing here.
std::vector<task::Task> Engine::Impl::judged_tasks(const json& names) const
{
    std::map<std::string, const task::Task*> chosen;
    for (const auto& name : names) {
        if (chosen.size() >= judged_max) break;
        const auto found = model_.tasks.find(name.get<std::string>());
        if (found == model_.tasks.end()) continue;
        const auto& task = found->second.task;
        const auto queue = model_.queues.find(task.queue);
        if (queue != model_.queues.end() && !queue->second.agent.empty()) continue;
        chosen.emplace(task.name, &task);
        const auto primary = model_.tasks.find(task.backup_of);
        if (primary != model_.tasks.end()) chosen.emplace(primary->first, &primary->second.task);
    }
    std::vector<task::Task> tasks;
    for (const auto& [name, task] : chosen) tasks.push_back(*task);
    return tasks;
}

/// Adds to the answer what could not run here as things are.  Beside the loop: an account may be
/// asked for over the network.  Until then the change is not over, so that answers keep the order
/// of their calls.
void Engine::Impl::judge_change(std::uint64_t ticket)
{
    const auto judging = std::make_shared<Judging>();
    judging->tasks = judged_tasks(names_of(changes_.at(ticket).answer));
    if (judging->tasks.empty()) return end_change(ticket);
    auto nodes = settings_.nodes;
    std::erase(nodes, settings_.node);
    nodes.insert(nodes.begin(), settings_.node); // the first one tells faults of the definitions
    worker_.run(
        [judging, nodes] {
            Bindings bindings(nodes.front(), nodes);
            bindings.add_bound(judging->tasks);
            judging->report = bindings.judge();
        },
        [this, ticket, judging] {
            const auto change = changes_.find(ticket);
            if (change == changes_.end()) return; // the engine ended meanwhile, and it was answered
            change->second.answer["unready"] = to_json(judging->report, settings_.node);
            end_change(ticket);
        });
}

} // namespace roleswap::work
