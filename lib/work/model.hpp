#pragma once
#include "task/policy.hpp"
#include "task/schedule.hpp"
#include "task/task.hpp"
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

/// What the engine knows of tasks, queues and open runs, as values: no clock, no store, no process.
namespace roleswap::work {

/// Microseconds like timestamptz, so that a due time survives the way through the store.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

struct TaskEntry {
    task::Task task;
    task::Schedule schedule;
    task::Time last_due; ///< all due times up to here are decided
    /// A backup task: it has no due times and no runs, its primary has them.
    bool is_backup() const { return !task.backup_of.empty(); }
    /// Without a schedule it runs after other tasks, or when somebody asks.
    bool has_schedule() const { return !is_backup() && !task.schedule.empty(); }
};

/// Beside its texts; a master with a hundred thousand tasks shall not need more than small ones
/// have.
static_assert(sizeof(TaskEntry) <= 640, "seldom used fields of a task are a base::Seldom");

/// The order in which waiting runs of a queue start.
struct Turn {
    int priority = 0; ///< highest first
    Instant due;
    std::int64_t id = 0;
    bool operator<(const Turn& other) const
    {
        return std::tie(other.priority, due, id) < std::tie(priority, other.due, other.id);
    }
};

struct QueueEntry {
    bool held = false;
    std::string reason;
    std::optional<std::size_t> concurrency; ///< empty: no limit
    std::size_t running = 0;                ///< claims under way included
    std::set<Turn> waiting; ///< queued runs: the first ones, where there are `more` in the store
    std::size_t later = 0;  ///< of those: with a time to wait for
    bool more = false;
    std::string agent; ///< that runs its runs; empty: the master does
    Turn edge;         ///< where there are more: what comes after this turn is not known
    std::size_t ready() const { return waiting.size() - later; }
    /// Whether a run of this turn comes before all that are not known.
    bool is_known_place(const Turn& turn) const { return !more || turn < edge; }
};

/// A program on another host that runs the runs of its queues.
struct AgentEntry {
    bool here = false;     ///< its session is alive on the store of this master
    bool expected = false; ///< was connected to the master before, and is to come
    bool gone = false;     ///< was connected, and it was told that it is no more
    std::string since;     ///< begin of its newest session, RFC 3339; empty: there was none
    std::string address;
    std::string version;
    std::string added_at; ///< RFC 3339
    std::string added_by;
    std::string token_at; ///< when it got its present token
    std::string_view state() const { return here ? "connected" : expected ? "missing" : "away"; }
};

/// A run that is not over.
struct OpenRun {
    enum class Place : std::uint8_t {
        waiting,  ///< queued in the store
        claiming, ///< its claim is on the way to the store
        alive,    ///< committed as running: has a process, or gets one at once
    };
    std::int64_t id = 0; ///< 0 while its row is not committed
    std::string task;
    std::string queue;
    Instant due;
    int attempt = 1;
    std::uint32_t retries_used = 0;
    std::optional<Instant> not_before; ///< of a retry, of a jitter, or as the application asked
    int priority = 0;
    std::string payload;     ///< JSON text; known once it is claimed
    std::int64_t origin = 0; ///< the run that it comes of; 0: none; known once it is claimed
    Place place = Place::waiting;
    bool moving = false;      ///< killed by a drain, to go on at the peer
    std::string killed_why{}; ///< by whom and why; empty: by nobody
    std::string agent{};      ///< that was given it, and has it until it has delivered its end
};

inline Turn turn_of(const OpenRun& run)
{
    return {.priority = run.priority, .due = run.due, .id = run.id};
}

struct Scheduler {
    bool stopped = false;
    std::string reason;
};

/// Everything stands still, by an operator's word; queues and scheduler keep their own state.
struct Pause {
    bool paused = false;
    std::string reason;
    std::string by;
    std::string at; ///< RFC 3339
};

struct Step {
    std::string step;
    std::string state; ///< start, done, failed, undone
    std::string detail;
    std::string at; ///< RFC 3339
};

/// The operation that is open.
struct Operation {
    std::int64_t id = 0;
    std::string kind;
    std::string begun_by;
    std::string begun_at; ///< RFC 3339
    std::string owner_node;
    std::int64_t owner_pid = 0;
    std::uint64_t begun_epoch = 0;
    std::uint64_t hand_over_epoch = 0; ///< 0: none
    bool holds = false;                ///< it held queues
    bool stops_scheduler = false;
    std::vector<Step> steps;
};

/// Tasks, queues and open runs of the master.
class Model {
public:
    std::map<std::string, TaskEntry> tasks;
    std::map<std::string, QueueEntry> queues;
    std::map<std::int64_t, OpenRun> open; ///< by id; new claims are in none until committed
    std::map<std::string, AgentEntry> agents;
    Scheduler scheduler;
    Pause pause;
    std::optional<Operation> operation;

    struct Load {
        std::size_t running = 0; ///< claims under way included
        std::size_t waiting = 0;
        std::size_t begun = 0; ///< of those: they had an attempt and are to have another
    };
    Load load(const std::string& task) const;

    /// What a node is to execute for a run of this task: with its own values, or those of the
    /// backup task that stands in there.
    task::Task task_on(const TaskEntry& entry, const std::string& node) const;
    /// Names of the backup tasks of this one.
    std::vector<std::string> backups_of(const std::string& name) const;
    /// Whether, and which, tasks are after this one.
    bool is_followed(const std::string& name) const { return followers_.contains(name); }
    std::vector<std::string> followers_of(const std::string& name) const;

    /// The only ways in which `tasks` changes.
    void set_tasks(std::map<std::string, TaskEntry> all);
    TaskEntry& put_task(TaskEntry entry);
    void remove_task(const std::string& name);
    std::size_t enabled_tasks() const { return enabled_; }

    /// A queued run enters, or comes back for another attempt.  Repeating it does no harm.
    void add_waiting(OpenRun run);
    /// A run takes its place in the queue and in the counts of its task.
    void count_running(const std::string& task, const std::string& queue);
    void uncount_running(const std::string& task, const std::string& queue);
    /// From waiting to claiming.
    void claim(std::int64_t id);
    /// From claiming to alive, at an agent.
    void give(std::int64_t id, const std::string& agent);
    /// A run that an agent has, as the store tells it; repeating it does no harm.
    void add_given(OpenRun run);
    /// Runs that are alive at agents.
    std::size_t given() const { return given_; }
    void forget(std::int64_t id);
    /// Forgets the last runs of a queue where it has more than `runs_max` ready ones: others are in
    /// front of them.
    void shorten(const std::string& queue, std::size_t runs_max);

    /// Queued runs that may start now, in the order of their turns over all queues, limits and
    /// overlap policies of all tasks obeyed; as if each started before the next is looked at.  At
    /// most `runs_max`.
    std::vector<std::int64_t> startable(Instant now, std::size_t runs_max = SIZE_MAX) const;
    bool may_overlap(const std::string& task) const;
    /// The nearest time after `now` at which a run with a not_before may start.
    std::optional<Instant> next_retry(Instant now) const;
    /// For a run of this task that comes due now, one of `at_once`.
    task::OverlapDecision decide(const TaskEntry& entry, std::size_t at_once = 1) const;

private:
    struct Round;
    struct Lane;
    std::vector<Lane> open_lanes() const;
    void start_from(Lane& lane, const Turn* rival, Round& round) const;
    bool may_start(const OpenRun& run, Round& round) const;
    bool is_delayed(const OpenRun& run) const;
    void leave_queue(const OpenRun& run);
    bool can_serve(const QueueEntry& queue) const;
    std::unordered_map<std::string, Load> loads_;
    std::size_t given_ = 0;
    std::set<std::pair<Instant, std::int64_t>> later_; ///< (not before, run) of waiting ones
    using Links = std::map<std::string, std::set<std::string>>;
    static std::vector<std::string> names_in(const Links& links, const std::string& from);
    void link(const task::Task& task);
    void unlink(const task::Task& task);
    Links backups_;   ///< by the name of the primary
    Links followers_; ///< by the name of the task that they are after
    std::size_t enabled_ = 0;
};

} // namespace roleswap::work
