#pragma once
#include "core/types.hpp"
#include "event/loop.hpp"
#include "run/executor.hpp"
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace roleswap::work {

/// From [work] of the configuration; see roleswap.toml(5).
struct Settings {
    std::string node;                 ///< name of this node
    std::vector<std::string> nodes{}; ///< names of all nodes: no agent has one of them
    std::string task_store;           ///< libpq conninfo that tasks find in ROLESWAP_STORE
    std::string task_socket{};        ///< path of the control socket, ROLESWAP_SOCKET of tasks
    std::chrono::milliseconds drain_timeout{60'000};
    std::chrono::milliseconds late_limit{60'000}; ///< a due time missed by less is run late
    std::string catch_up = "last";                ///< default of tasks: none, last, all
    int catch_up_limit = 100;                     ///< 1 to 10000
    /// After so long without a scheduler what is made up is held; 0: never.
    std::chrono::milliseconds hold_after_outage{std::chrono::hours(12)};
    std::string timezone;           ///< IANA name, default of tasks; empty: the system's
    std::string config_text{};      ///< of the configuration file, for nodes that join
    std::string version{};          ///< of the daemon, for the same
    std::uint32_t keep_runs = 1000; ///< ended runs kept for each task, from 1
    std::uint32_t keep_days = 90;   ///< and for so long at most, from 1
    std::chrono::milliseconds house_period{600'000}; ///< between two looks for older ones
    std::uint64_t house_runs = 100'000;              ///< that ended; then there is a look early
};

/// Who asks, as the bus knows it.
struct Caller {
    uid_t uid = 0;
    std::string user;
};

/// What a node that has become master knows of its epoch.
struct Claimed {
    core::Epoch epoch = 0;
    /// Where not 0: the store may lack what the old master did last, since this epoch was claimed
    /// by an operator's word (core::doubt_of).  What may have been done is then not done again.
    core::Epoch doubt = 0;
};

/// The error names of the bus (org.roleswap1.Error.*).
struct VerbError {
    enum class Code : std::uint8_t {
        bad_argument,
        not_found,
        refused,
        not_master, ///< the engine is not running here
        denied,     ///< what the caller shows gives no right to it
        failed, ///< the store did not do it; nothing or an unknown part is done, `why` says which
    };
    Code code = Code::failed;
    std::string why; ///< one sentence: what, value, limit, remedy
};
/// "BadArgument", "NotFound", "Refused", "NotMaster", "Denied", "Failed".
std::string_view to_string(VerbError::Code code);

/// Exactly one of the two is called, once, perhaps inside `handle`.
struct Reply {
    std::function<void(const nlohmann::json&)> done;
    std::function<void(const VerbError&)> failed;
};

/// What the engine needs of the daemon; the lines of tasks come from the executor.  All callbacks
/// are required, and none may destroy it.
struct Host {
    /// For the event list: `what` is a stable word (run_failed, runs_freed, queue_held ...).
    std::function<void(std::string_view what, const std::string& why)> on_event;
    /// `start` is done: tasks are loaded, the dead master's runs freed, the scheduler goes.
    std::function<void()> on_ready;
    /// The store did not answer or refused; the engine tries again by itself.  One sentence.
    std::function<void(const std::string&)> on_store_trouble;
    /// The store did what it was asked for: the end of a trouble, but also called without one.
    std::function<void()> on_store_well;
    /// Another epoch is in the store: this node is master no more and the engine has stopped.
    std::function<void(const std::string&)> on_superseded;
    /// An operation is open whose owner is this process of this node: tell `operation_end` when it
    /// dies.  pid 0: nothing to watch any more.
    std::function<void(std::int64_t operation, pid_t pid)> watch_owner;
    /// Whether that process of that node is alive, as far as can be known: who asks wants to end
    /// its operation.
    std::function<bool(const std::string& node, pid_t pid)> owner_lives;
};

/// Schema, scheduler, queues and operations on the master.  Made once by the daemon's instance;
/// runs from `start` to `kill` or `stop`.  All rows are written under the epoch given to `start`,
/// and the store refuses them when it is no longer the current one.  Pinned.
class Engine {
public:
    Engine(event::Loop& loop, run::Executor& executor, Settings settings, Host host);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// WorkStart: connect, migrate, write the epoch, free what the dead master held, or hold it
    /// where that is in doubt, catch up, end an operation the previous master left open, schedule.
    /// Harmless when this epoch runs.
    void start(const Claimed& claimed, std::string conninfo);
    /// WorkSuspend: starts nothing and writes nothing until `resume`; what runs goes on.
    void suspend();
    void resume();
    /// WorkKill: calls back when no task process is alive; nothing is written after this call, so
    /// the rows stay `running` and the next master frees them.
    void kill(std::function<void()> on_dead);
    /// Clean end after a drain: closes the connection.  Runs that are alive are left to `kill`.
    void stop();
    bool running() const; ///< between `on_ready` and `kill` or `stop`

    /// The standby is up with this boot id (`host_boot_id` there): part of the current pair boot.
    void note_peer_boot(const std::string& boot_id);
    /// Kernel boot id and start time of process 1, so that a container's boot counts as one.
    static std::string host_boot_id();

    /// To be called by `hand_over` before the point of no return: this operation (0: none) is to be
    /// gone on with by the master of the next epoch, and starts no run until it is over.  Answers
    /// with an empty text when the store has that, or with one sentence that says why not: it is
    /// not open, a task of it runs, the store refused.  Then the role must stay.
    void note_hand_over(std::int64_t operation,
                        std::function<void(const std::string& obstacle)> on_done);

    /// True when `verb` is one of the work verbs (task_*, run_*, queue_*, scheduler_*, drain,
    /// operation_*, memory_*, agent_*); then the reply comes.  Access is checked by the caller
    /// before.
    bool handle(std::string_view verb, const nlohmann::json& args, const Caller& caller,
                Reply reply);

    /// {"queues","scheduler","tasks","operation","agents"} of the status object, from memory.
    nlohmann::json status_part() const;
    /// Runs that are not finished and store transactions in flight (part of `pending`).
    std::uint64_t pending_requests() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace roleswap::work
