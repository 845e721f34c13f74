#include "work/bindings.hpp"
#include "run/obstacles.hpp"
#include "task/binding.hpp"
#include "work/confine.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace roleswap::work {
namespace {

constexpr std::size_t list_max = 100;

/// What decides whether it can be started here; what it is fed with does not.
run::RunSpec needs_of(const task::Task& task)
{
    run::RunSpec spec;
    if (task.kind == task::TaskKind::noop) return spec; // no process: it needs nothing
    if (!task.argv.empty())
        spec.argv = {task.argv.front()};
    else
        spec.command = ":"; // of the text for the shell nothing is known
    spec.shell = task.shell;
    spec.user = task.user;
    spec.group = task.group;
    spec.directory = task.directory;
    spec.groups = task.groups;
    spec.needs = task.needs;
    confine(spec, task);
    if (const auto path = task.environment->find("PATH"); path != task.environment->end())
        spec.environment = {"PATH=" + path->second};
    return spec;
}

/// Only which properties of a unit there are decides.
std::string unit_key(const run::RunSpec& spec)
{
    if (!spec.unit) return {};
    std::string key = "unit";
    for (const auto& property : *spec.unit) key += " " + property.name;
    return key;
}

std::string key_of(const run::RunSpec& spec)
{
    return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", unit_key(spec),
                       fmt::join(spec.groups, ","), fmt::join(spec.argv, ""), spec.shell, spec.user,
                       spec.group, spec.directory, fmt::join(spec.needs, "\n"),
                       fmt::join(spec.environment, ""));
}

} // namespace

Bindings::Bindings(std::string node, std::vector<std::string> nodes)
    : node_(std::move(node)), nodes_(std::move(nodes))
{
}

void Bindings::add_alike(const std::string& task, std::uint64_t count, const task::Task& needs)
{
    auto spec = needs_of(needs);
    const auto key = key_of(spec);
    const auto [need, is_new] = needs_.try_emplace(key, Need{std::move(spec), task, 0});
    need->second.count += count;
    need->second.task = std::min(need->second.task, task);
}

void Bindings::add_bound(const std::vector<task::Task>& tasks)
{
    All all;
    for (const auto& task : tasks) all.emplace(task.name, &task);
    for (const auto& task : tasks)
        if (!task.backup_of.empty()) add_backup(task, all);
    for (const auto& task : tasks) {
        for (const auto& [node, own] : *task.node)
            if (std::ranges::find(nodes_, node) == nodes_.end())
                fault(task.name, "node." + node, fmt::format("there is no node \"{}\"", node),
                      fmt::format("one of {}", fmt::join(nodes_, ", ")));
        if (!task.backup_of.empty() || !task.enabled) continue;
        const auto found = stand_ins_.find(task.name);
        add_alike(task.name, 1,
                  found == stand_ins_.end() ? task::on_node(task, node_) : found->second);
    }
}

void Bindings::fault(const std::string& task, std::string what, std::string value, std::string fix)
{
    faults_.push_back({task, std::move(what), std::move(value), std::move(fix)});
}

void Bindings::add_backup(const task::Task& backup, const All& all)
{
    const auto what = fmt::format("backup of \"{}\"", *backup.backup_of);
    if (std::ranges::find(nodes_, *backup.backup_on) == nodes_.end())
        fault(backup.name, what, fmt::format("there is no node \"{}\"", *backup.backup_on),
              fmt::format("backup_on: one of {}", fmt::join(nodes_, ", ")));
    const auto primary = all.find(backup.backup_of);
    if (primary == all.end() || !primary->second->backup_of.empty())
        return fault(backup.name, what,
                     primary == all.end() ? "there is no such task" : "that is a backup itself",
                     "name its primary, or remove it: it never runs");
    for (const auto& difference : task::differences(*primary->second, backup))
        fault(backup.name, what, difference, "say the same in both, or leave it out here");
    if (backup.backup_on != node_ || !backup.enabled) return;
    const bool first =
        stand_ins_.emplace(backup.backup_of, task::stand_in(*primary->second, backup)).second;
    if (!first)
        fault(backup.name, what, fmt::format("it has another one on {}", node_),
              "remove one of them: only the first by name is used");
}

Bindings::Report Bindings::judge() const
{
    Report report;
    if (!nodes_.empty() && nodes_.front() == node_) report.list = faults_;
    for (const auto& [key, need] : needs_) {
        report.tasks += need.count;
        if (need.spec.argv.empty() && need.spec.command.empty()) continue;
        const auto found = run::obstacles(need.spec);
        if (found.empty()) continue;
        report.unready += need.count;
        const auto tasks =
            need.task + (need.count > 1 ? fmt::format(" and {} more", need.count - 1) : "");
        for (const auto& one : found) report.list.push_back({tasks, one.what, one.value, one.fix});
    }
    std::ranges::stable_sort(report.list, {}, &Unready::task);
    if (report.list.size() > list_max) report.list.resize(list_max);
    return report;
}

} // namespace roleswap::work
