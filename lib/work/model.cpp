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
    bool is_full() const { return runs.size() >= runs_max; }
};

/// How far a look at one queue has come.
struct Model::Lane {
    std::set<Turn>::const_iterator at;
    std::set<Turn>::const_iterator end;
    std::size_t room = 0;
    bool is_over() const { return room == 0 || at == end; }
    /// For a heap: the first turn on top.
    static bool later(const Lane& one, const Lane& other) { return *other.at < *one.at; }
};

void Model::leave_queue(const OpenRun& run)
{
    auto& queue = queues[run.queue];
    queue.waiting.erase(turn_of(run));
    auto& load = loads_[run.task];
    if (run.attempt > 1) --load.begun;
    --load.waiting;
    if (!run.not_before) return;
    --queue.later;
    later_.erase({*run.not_before, run.id});
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
    enabled_ = 0;
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
    if (task.enabled) ++enabled_;
    if (!task.backup_of.empty()) backups_[task.backup_of].insert(task.name);
    for (const auto& after : task::after_of(task)) followers_[after.task].insert(task.name);
}

void Model::unlink(const task::Task& task)
{
    if (task.enabled) --enabled_;
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
    auto& queue = queues[run.queue];
    queue.waiting.insert(turn_of(run));
    if (run.not_before) {
        ++queue.later;
        later_.emplace(*run.not_before, run.id);
    }
    auto& load = loads_[run.task];
    ++load.waiting;
    if (run.attempt > 1) ++load.begun;
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
        const auto load = loads_.find(run.task);
        if (load->second.waiting == 0 && load->second.running == 0) loads_.erase(load);
    } else {
        uncount_running(run.task, run.queue);
        if (!run.agent.empty()) --given_;
    }
    open.erase(found);
}

void Model::shorten(const std::string& name, std::size_t runs_max)
{
    auto& queue = queues[name];
    auto at = queue.waiting.end();
    while (queue.ready() > runs_max && at != queue.waiting.begin()) {
        const auto turn = *--at;
        if (open.at(turn.id).not_before) continue;
        ++at; // the one before it goes
        forget(turn.id);
        queue.more = true;
        queue.edge = turn;
    }
}

std::vector<Model::Lane> Model::open_lanes() const
{
    std::vector<Lane> lanes;
    for (const auto& [name, queue] : queues) {
        auto room = queue.concurrency.value_or(SIZE_MAX);
        room -= std::min(room, queue.running);
        const Lane lane{queue.waiting.begin(), queue.waiting.end(), room};
        if (!queue.held && can_serve(queue) && !lane.is_over()) lanes.push_back(lane);
    }
    return lanes;
}

std::vector<std::int64_t> Model::startable(Instant now, std::size_t runs_max) const
{
    Round round{.now = now, .runs_max = runs_max};
    auto lanes = open_lanes();
    std::ranges::make_heap(lanes, Lane::later);
    while (!lanes.empty() && !round.is_full()) {
        std::ranges::pop_heap(lanes, Lane::later);
        auto& lane = lanes.back();
        start_from(lane, lanes.size() > 1 ? &*lanes.front().at : nullptr, round);
        if (lane.is_over())
            lanes.pop_back();
        else
            std::ranges::push_heap(lanes, Lane::later);
    }
    return std::move(round.runs);
}

/// As long as no rival in another queue has its turn before.
void Model::start_from(Lane& lane, const Turn* rival, Round& round) const
{
    for (; !lane.is_over() && !round.is_full(); ++lane.at) {
        if (rival != nullptr && *rival < *lane.at) return;
        if (!may_start(open.at(lane.at->id), round)) continue;
        round.runs.push_back(lane.at->id);
        --lane.room;
    }
}

/// Runs of a task that do not overlap start one after another, in the order of their turns; none
/// before one that has begun and waits for another attempt, or for the end of its jitter.
bool Model::may_start(const OpenRun& run, Round& round) const
{
    const bool early = run.not_before > round.now;
    if (may_overlap(run.task)) return !early;
    const auto task = load(run.task);
    if (task.running > 0 || (task.begun > 0 && run.attempt == 1)) return false;
    if (!early) return round.decided.insert(run.task).second;
    if (is_delayed(run)) round.decided.insert(run.task);
    return false;
}

/// By the jitter of its task: its due time was before.
bool Model::is_delayed(const OpenRun& run) const
{
    const auto found = tasks.find(run.task);
    return found != tasks.end() && run.not_before &&
           *run.not_before <= run.due + found->second.task.jitter;
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

task::OverlapDecision Model::decide(const TaskEntry& entry, std::size_t at_once) const
{
    const auto before = load(entry.task.name);
    const auto& queue = queues.at(entry.task.queue);
    const auto decision =
        task::overlap_decision(entry.task.overlap, before.running, before.waiting);
    // A held or full queue delays a due time, it does not cancel it.
    const bool full = queue.running >= queue.concurrency.value_or(SIZE_MAX);
    // What the model does not know of came before.
    const bool late = queue.more && entry.task.overlap != task::Overlap::parallel;
    if (queue.held) return task::OverlapDecision::wait;
    // What an agent is to run is given to it once it has a row.
    if (decision == task::OverlapDecision::start && (full || late || !queue.agent.empty()))
        return task::OverlapDecision::wait;
    // Several at once come from a time when nobody could run them: none is passed over.
    if (decision == task::OverlapDecision::skip && at_once > 1) return task::OverlapDecision::wait;
    return decision;
}

} // namespace roleswap::work
