#include "work/model.hpp"
#include "task/after.hpp"
#include "task/binding.hpp"
#include <algorithm>

namespace roleswap::work {

/// What one look at the queues has given out so far.
struct Model::Round {
    Instant now;
    std::size_t runs_max = 0;
    std::set<std::string> decided; ///< tasks without overlap, of which one starts
    std::vector<std::int64_t> runs;
};

namespace {

Turn turn_of(const OpenRun& run)
{
    return {.priority = run.priority, .due = run.due, .id = run.id};
}

} // namespace

void Model::leave_queue(const OpenRun& run)
{
    queues[run.queue].waiting.erase(turn_of(run));
    if (run.not_before) later_.erase({*run.not_before, run.id});
}

Model::Load Model::load(const std::string& task) const
{
    const auto found = loads_.find(task);
    return found == loads_.end() ? Load{} : found->second;
}

void Model::set_tasks(std::map<std::string, TaskEntry> all)
{
    tasks = std::move(all);
    backups_.clear();
    followers_.clear();
    for (const auto& [name, entry] : tasks) link(entry.task);
}

TaskEntry& Model::put_task(TaskEntry entry)
{
    const auto name = entry.task.name;
    remove_task(name);
    link(entry.task);
    return tasks.emplace(name, std::move(entry)).first->second;
}

void Model::remove_task(const std::string& name)
{
    const auto found = tasks.find(name);
    if (found == tasks.end()) return;
    unlink(found->second.task);
    tasks.erase(found);
}

void Model::link(const task::Task& task)
{
    if (!task.backup_of.empty()) backups_[task.backup_of].insert(task.name);
    for (const auto& after : task::after_of(task)) followers_[after.task].insert(task.name);
}

void Model::unlink(const task::Task& task)
{
    const auto drop = [&task](Links& links, const std::string& from) {
        const auto found = links.find(from);
        if (found == links.end()) return;
        found->second.erase(task.name);
        if (found->second.empty()) links.erase(found);
    };
    drop(backups_, task.backup_of);
    for (const auto& after : task::after_of(task)) drop(followers_, after.task);
}

std::vector<std::string> Model::names_in(const Links& links, const std::string& from)
{
    const auto found = links.find(from);
    if (found == links.end()) return {};
    return {found->second.begin(), found->second.end()};
}

std::vector<std::string> Model::backups_of(const std::string& name) const
{
    return names_in(backups_, name);
}

std::vector<std::string> Model::followers_of(const std::string& name) const
{
    return names_in(followers_, name);
}

task::Task Model::task_on(const TaskEntry& entry, const std::string& node) const
{
    for (const auto& name : backups_of(entry.task.name)) {
        const auto& backup = tasks.at(name).task;
        if (backup.enabled && backup.backup_on == node) return task::stand_in(entry.task, backup);
    }
    return task::on_node(entry.task, node);
}

void Model::add_waiting(OpenRun run)
{
    if (const auto old = open.find(run.id);
        old != open.end() && old->second.place == OpenRun::Place::waiting)
        forget(run.id);
    run.place = OpenRun::Place::waiting;
    queues[run.queue].waiting.insert(turn_of(run));
    if (run.not_before) later_.emplace(*run.not_before, run.id);
    ++loads_[run.task].waiting;
    open.insert_or_assign(run.id, std::move(run));
}

void Model::count_running(const std::string& task, const std::string& queue)
{
    ++loads_[task].running;
    ++queues[queue].running;
}

void Model::uncount_running(const std::string& task, const std::string& queue)
{
    auto& load = loads_[task];
    if (--load.running == 0 && load.waiting == 0) loads_.erase(task);
    --queues[queue].running;
}

void Model::claim(std::int64_t id)
{
    auto& run = open.at(id);
    leave_queue(run);
    --loads_[run.task].waiting;
    count_running(run.task, run.queue);
    run.place = OpenRun::Place::claiming;
}

void Model::forget(std::int64_t id)
{
    const auto found = open.find(id);
    if (found == open.end()) return;
    const auto& run = found->second;
    if (run.place == OpenRun::Place::waiting) {
        leave_queue(run);
        auto& load = loads_[run.task];
        if (--load.waiting == 0 && load.running == 0) loads_.erase(run.task);
    } else {
        uncount_running(run.task, run.queue);
    }
    open.erase(found);
}

std::vector<std::int64_t> Model::startable(Instant now, std::size_t runs_max) const
{
    Round round{.now = now, .runs_max = runs_max};
    for (const auto& [name, queue] : queues) startable_of(name, round);
    return std::move(round.runs);
}

void Model::startable_of(const std::string& name, Round& round) const
{
    const auto& queue = queues.at(name);
    if (queue.held) return;
    auto room = queue.concurrency.value_or(SIZE_MAX);
    room -= std::min(room, queue.running);
    for (const auto& turn : queue.waiting) {
        if (room == 0 || round.runs.size() >= round.runs_max) return;
        const auto& run = open.at(turn.id);
        if (!may_start(run, round)) continue;
        round.runs.push_back(turn.id);
        --room;
    }
}

/// Runs of a task that do not overlap start one after another, in the order of their turns.
bool Model::may_start(const OpenRun& run, Round& round) const
{
    if (run.not_before > round.now) return false;
    if (may_overlap(run.task)) return true;
    return load(run.task).running == 0 && round.decided.insert(run.task).second;
}

bool Model::may_overlap(const std::string& task) const
{
    const auto found = tasks.find(task);
    return found != tasks.end() && found->second.task.overlap == task::Overlap::parallel;
}

std::optional<Instant> Model::next_retry(Instant now) const
{
    const auto next = later_.upper_bound({now, INT64_MAX});
    return next == later_.end() ? std::nullopt : std::optional(next->first);
}

task::OverlapDecision Model::decide(const TaskEntry& entry) const
{
    const auto [running, waiting] = load(entry.task.name);
    const auto& queue = queues.at(entry.task.queue);
    const auto decision = task::overlap_decision(entry.task.overlap, running, waiting);
    // A held or full queue delays a due time, it does not cancel it.
    const bool full = queue.running >= queue.concurrency.value_or(SIZE_MAX);
    // What the model does not know of came before.
    const bool late = queue.more && entry.task.overlap != task::Overlap::parallel;
    if (queue.held) return task::OverlapDecision::wait;
    if (decision == task::OverlapDecision::start && (full || late))
        return task::OverlapDecision::wait;
    return decision;
}

} // namespace roleswap::work
