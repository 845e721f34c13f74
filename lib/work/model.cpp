#include "work/model.hpp"
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
    for (const auto& [name, entry] : tasks)
        if (entry.is_backup()) backups_[entry.task.backup_of].insert(name);
}

TaskEntry& Model::put_task(TaskEntry entry)
{
    const auto name = entry.task.name;
    remove_task(name);
    if (entry.is_backup()) backups_[entry.task.backup_of].insert(name);
    return tasks.emplace(name, std::move(entry)).first->second;
}

void Model::remove_task(const std::string& name)
{
    const auto found = tasks.find(name);
    if (found == tasks.end()) return;
    const auto& primary = found->second.task.backup_of;
    if (const auto backups = backups_.find(primary); backups != backups_.end()) {
        backups->second.erase(name);
        if (backups->second.empty()) backups_.erase(backups);
    }
    tasks.erase(found);
}

std::vector<std::string> Model::backups_of(const std::string& name) const
{
    const auto found = backups_.find(name);
    if (found == backups_.end()) return {};
    return {found->second.begin(), found->second.end()};
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

void Model::give(std::int64_t id, const std::string& agent)
{
    auto& run = open.at(id);
    run.place = OpenRun::Place::alive;
    run.agent = agent;
    ++given_;
}

void Model::add_given(OpenRun run)
{
    if (open.contains(run.id)) return;
    run.place = OpenRun::Place::alive;
    count_running(run.task, run.queue);
    ++given_;
    open.emplace(run.id, std::move(run));
}

/// What is given to an agent that is away would be stuck with it.
bool Model::can_serve(const QueueEntry& queue) const
{
    if (queue.agent.empty()) return true;
    const auto found = agents.find(queue.agent);
    return found != agents.end() && found->second.here;
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
        if (!run.agent.empty()) --given_;
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
    if (queue.held || !can_serve(queue)) return;
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
    // What an agent is to run is given to it once it has a row.
    if (decision == task::OverlapDecision::start && (full || late || !queue.agent.empty()))
        return task::OverlapDecision::wait;
    return decision;
}

} // namespace roleswap::work
