#pragma once
#include "context.hpp"
#include "external_store.hpp"
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// One function per command: prints its result and returns the exit code.  All throw bus::Error,
/// UsageError, or what the files they read throw.
namespace roleswap::cli {

// status.cpp, watch.cpp
int status(Context& context, bool bar);
int links(Context& context);
int nodes(Context& context, const std::string& role);
int watch(Context& context);

// events.cpp
struct EventsOptions {
    unsigned limit = 20; ///< 1 to 1000
    bool follow = false;
};
int events(Context& context, const EventsOptions& options);

// why.cpp
/// `event`: SEQ or NODE:SEQ; empty: the present, and the newest decisions.
int why(Context& context, const std::string& event);

// check.cpp
int check(Context& context);
struct PendingOptions {
    bool wait = false;
    std::string timeout = "60s";
};
int pending(Context& context, const PendingOptions& options);
struct WaitOptions {
    std::string master; ///< name of the node that must be master; empty: any
    bool in_sync = false;
    std::string timeout = "60s";
};
struct WaitResult {
    bool ok = false;
    std::string why;    ///< what was missing at the end; empty when ok
    std::string master; ///< empty unless ok
};
/// Until the pair has exactly one master (and an in-sync standby), or the time is over.
WaitResult wait_for_pair(Context& context, const WaitOptions& options);
int wait(Context& context, const WaitOptions& options);
int drain(Context& context, const std::string& timeout);

// agent.cpp
struct AgentOptions {
    std::string name;
    std::vector<std::string> queues; ///< empty: one of its own name
    std::string runs;                ///< of a removal: interrupt, rerun; empty: there must be none
    std::string timeout = "10s";     ///< of a wait
};
int agent_list(Context& context);
/// Prints what the agent's host gets as its configuration.
int agent_add(Context& context, const AgentOptions& options);
int agent_token(Context& context, const std::string& name);
int agent_remove(Context& context, const AgentOptions& options);
/// exit_failed where some are missing at the end.
int agent_wait(Context& context, const std::string& timeout);

// role.cpp
int hand_over(Context& context, const std::string& operation);
struct ActivateOptions {
    bool force = false;
    std::string reason;
    bool yes = false;
    bool dry_run = false; ///< only tell what would be done, and on what evidence
};
int activate_now(Context& context, const ActivateOptions& options);
int rejoin_now(Context& context);
int takeover(Context& context, const std::string& action, const std::string& reason);

// witness.cpp
/// exit_failed where something is wrong with it.
int witness_status(Context& context);
enum class Existing : std::uint8_t { keep, replace };
int witness_init(Context& context, Existing existing);

// runbook.cpp
struct RunbookOptions {
    std::string name; ///< planned-swap, standby-to-master, master-to-standby
    std::vector<std::string> arguments;
};
/// Replaces this process by the runbook; returns only by throwing.
int run_runbook(Context& context, const RunbookOptions& options);
int activate(Context& context, const ActivateOptions& options);
int undo(Context& context, const std::vector<std::string>& arguments);

// operation.cpp
int operation_begin(Context& context, const std::string& kind, pid_t owner);
struct StepOptions {
    std::string id;
    std::string step;
    std::string state;
    std::string detail;
};
int operation_step(Context& context, const StepOptions& options);
int operation_end(Context& context, const std::string& id, const std::string& result,
                  const std::string& why);
int operation_show(Context& context, const std::string& id);

// task.cpp
struct TaskOptions {
    std::string name;
    std::vector<std::string> argv;                ///< run without a shell
    std::vector<std::string> environment;         ///< NAME=VALUE
    std::vector<std::string> rlimit;              ///< the same
    std::vector<std::string> sandbox;             ///< the same
    std::vector<std::string> groups;              ///< names
    std::vector<std::string> needs;               ///< paths
    std::vector<std::string> after;               ///< tasks, such as "fetch:any"
    std::map<std::string, std::string> texts;     ///< field of the task -> its text
    std::map<std::string, std::string> durations; ///< field without _ms -> "90s"
    std::map<std::string, long> numbers;          ///< field -> number
    std::vector<std::string> except;              ///< dates
    int priority = 0;
    bool disabled = false;
    bool unit = false;
    bool no_journal = false;
};
int task_add(Context& context, const TaskOptions& options);
int task_list(Context& context);
int task_show(Context& context, const std::string& name);
enum class Follow : std::uint8_t { no, yes };
/// With Follow::yes the exit code of the run.
int task_run(Context& context, const std::string& name, Follow follow);
/// Verb is one of task_remove, task_enable, task_disable.
int task_change(Context& context, const std::string& verb, const std::string& name);

// task_next.cpp
struct NextOptions {
    std::string name;                ///< empty: of all tasks, or of `schedule`
    std::string schedule;            ///< a text that is no task yet; needs no daemon
    std::string timezone;            ///< this and the next two: of `schedule`
    std::vector<std::string> except; ///< dates
    std::string from;                ///< empty: now
    unsigned count = 5;
    std::size_t all_max = SIZE_MAX; ///< of all tasks
};
int task_next(Context& context, const NextOptions& options);

// run.cpp
struct RunListOptions {
    std::string task;
    std::string state;
    unsigned limit = 20;
};
int run_list(Context& context, const RunListOptions& options);
int run_show(Context& context, const std::string& id);
int run_kill(Context& context, const std::string& id, const std::string& reason);
/// Repeats a run; exit code of the new one where it is followed.
int run_again(Context& context, const std::string& id, Follow follow);

// follow.cpp
struct OutputOptions {
    std::string run; ///< its number, or the name of a task: its newest run
    long tail = -1;  ///< lines; negative: all that is kept
};
int run_output(Context& context, const OutputOptions& options);
/// Until the run is over; its exit code.
int run_follow(Context& context, const OutputOptions& options);

// memory.cpp: all but the last two work inside a task only
/// exit_ok: do it; exit_refused: it is done or skipped; exit_in_doubt.
int memory_begin(Context& context, const std::string& item, const std::string& in_doubt);
enum class Outcome : std::uint8_t { done, failed };
int memory_done(Context& context, const std::string& item, Outcome outcome);
/// exit_ok: done or skipped; exit_in_doubt; exit_failed: anything else.
int memory_seen(Context& context, const std::string& item);
int memory_get(Context& context, const std::string& key);
/// Without a value it is taken away.
int memory_set(Context& context, const std::string& key, const std::optional<std::string>& value);
struct MemoryListOptions {
    std::string run;   ///< empty: of the task that asks
    std::string state; ///< empty: all
    unsigned limit = 1000;
};
int memory_list(Context& context, const MemoryListOptions& options);
struct ResolveOptions {
    std::string run;
    std::string item;
    std::string decision; ///< done, redo
};
int memory_resolve(Context& context, const ResolveOptions& options);

// each.cpp
struct EachOptions {
    std::string file; ///< "-": standard input
    std::vector<std::string> command;
    std::string in_doubt; ///< redo, skip, hold
    std::size_t jobs = 1;
    bool keep_going = false;
    bool null = false; ///< items end with NUL
};
/// exit_failed: a command failed; exit_in_doubt: items in doubt remain.
int each(Context& context, const EachOptions& options);

// files.cpp
struct ApplyOptions {
    bool dry_run = false;
    bool remove_others = false; ///< tasks that the file lacks
};
/// The answer of the daemon to a file.
nlohmann::json call_apply(Context& context, const std::string& path, const ApplyOptions& options);
int apply(Context& context, const std::string& path, const ApplyOptions& options);
int export_tasks(Context& context, const std::vector<std::string>& names);

// diff.cpp
/// exit_failed where the file would change something.
int diff(Context& context, const std::string& path, const ApplyOptions& options);
bool changes_something(const nlohmann::json& result);

struct ImportOptions {
    std::vector<std::string> files;
    std::string user;
    bool system = false;
    bool dry_run = false;
};
int import_crontab(Context& context, const ImportOptions& options);

// history.cpp
struct HistoryOptions {
    std::string id;
    std::string task;
    std::string state = "undecided"; ///< or accepted, dismissed, recorded, all
    unsigned limit = 1000;
    bool all = false;
};
int history_list(Context& context, const HistoryOptions& options);
int history_show(Context& context, const std::string& id);
/// Verb is history_accept or history_dismiss.
int history_decide(Context& context, const std::string& verb, const HistoryOptions& options);

// queue.cpp
struct QueueOptions {
    std::string name;
    bool all = false;
    std::string reason;
    bool keep = false; ///< hold: save the state before; release: restore it
};
int queue_list(Context& context);
int queue_hold(Context& context, const QueueOptions& options);
int queue_release(Context& context, const QueueOptions& options);
/// At most `concurrency` runs at once; 0: no limit.
int queue_set(Context& context, const std::string& name, unsigned concurrency);
int queue_remove(Context& context, const std::string& name);
int scheduler(Context& context, const std::string& action, const std::string& reason);

// held.cpp
struct HeldOptions {
    std::vector<std::string> patterns; ///< of names of tasks
    bool all = false;
    std::string rate; ///< "10/s", "30/m", "none"; empty: the default of the daemon
    unsigned limit = 100;
};
int held_list(Context& context, const HeldOptions& options);
int held_release(Context& context, const HeldOptions& options);
/// Action is drop or keep.
int held_change(Context& context, const std::string& action, const HeldOptions& options);
int pause_all(Context& context, const std::string& reason);
int resume_all(Context& context);

// setup.cpp
struct InitOptions {
    std::string pair;
    std::vector<std::string> nodes;  ///< NAME or NAME=HOST,HOST
    std::vector<std::string> links;  ///< NAME=ADDRESS,ADDRESS
    std::vector<std::string> probes; ///< ADDRESS
    std::string password_file;       ///< of the admin password; empty: none is set
};
int init(Context& context, const InitOptions& options);
/// Sets the admin password that `join` asks for.
int password_set(Context& context, const std::string& file);

// join.cpp
struct JoinOptions {
    std::string address;       ///< of a node of the pair; empty: the files are here
    std::string password_file; ///< empty: ask on the terminal
    std::string pair;          ///< that must be there; empty: any
    std::string timeout = "60s";
    Replace replace = Replace::fresh_only; ///< of the data of an external store
};
int join(Context& context, const JoinOptions& options);

int config_check(Context& context, const std::string& path);

// fence.cpp
struct FenceOptions {
    bool really = false; ///< test: switch off
    bool yes = false;    ///< do not ask
};
int fence_status(Context& context);
int fence_test(Context& context, const FenceOptions& options);
int fence_confirm(Context& context, const FenceOptions& options);

// about.cpp
int version(Context& context);
enum class FsmForm : std::uint8_t { table, mermaid };
int fsm(Context& context, FsmForm form);

} // namespace roleswap::cli
