#pragma once
#include "event/worker.hpp"
#include "work/agents.hpp"
#include "work/arguments.hpp"
#include "work/change.hpp"
#include "work/engine.hpp"
#include "work/held_runs.hpp"
#include "work/house.hpp"
#include "work/load.hpp"
#include "work/marks.hpp"
#include "work/model.hpp"
#include "work/outages.hpp"
#include "work/output_text.hpp"
#include "work/output_watch.hpp"
#include "work/planner.hpp"
#include "work/runner.hpp"
#include "work/session.hpp"
#include "work/slices.hpp"
#include "work/window.hpp"
#include "work/writer.hpp"
#include <deque>
#include <memory>
#include <set>

namespace roleswap::work {

/// The engine's parts and the paths between them.  The files say which: engine.cpp (life),
/// engine_begin.cpp (what a new master does first), engine_window.cpp (which waiting runs are known
/// here), engine_requests.cpp (what applications asked for), engine_runs.cpp (due time to start of
/// a run), engine_end.cpp (end and after), engine_after.cpp (runs that ends of others bring),
/// engine_output.cpp (who follows a run), engine_agents.cpp (what other hosts run),
/// engine_doubt.cpp (what an old master may have run), engine_outage.cpp (what is held after a time
/// without a scheduler), engine_change.cpp (tasks), engine_drain.cpp (until nothing runs),
/// engine_operation.cpp, verbs_*.cpp.
class Engine::Impl {
public:
    Impl(event::Loop& loop, run::Executor& executor, Settings settings, Host host);

    void start(const Claimed& claimed, std::string conninfo);
    void suspend();
    void resume();
    void kill(std::function<void()> on_dead);
    void stop();
    bool running() const { return phase_ == Phase::running; }
    void note_peer_boot(const std::string& boot_id);
    void note_hand_over(std::int64_t operation,
                        std::function<void(const std::string& obstacle)> on_done);
    bool handle(std::string_view verb, const nlohmann::json& args, const Caller& caller,
                Reply reply);
    nlohmann::json status_part() const;
    std::uint64_t pending_requests() const;

private:
    enum class Phase : std::uint8_t {
        stopped,  ///< no session
        starting, ///< connecting, migrating, reading
        running,
    };
    /// A verb that is being handled.
    struct Call {
        std::string_view verb;
        const nlohmann::json& args;
        const Caller& caller;
        Reply reply;
    };
    /// A verb that came before the store was read.
    struct EarlyCall {
        std::string verb;
        nlohmann::json args;
        Caller caller;
        Reply reply;
    };
    /// What the store said, while the worker reads it.
    struct Reading {
        std::vector<pg::Result> results;
        Loaded loaded;
    };
    /// A list of all tasks that is being made.
    struct Listing {
        Reply reply;
        std::vector<pg::Result> last; ///< of the runs, in the order of the tasks
        std::size_t row = 0;          ///< in that
        std::string after;            ///< the last task that is in the answer
        nlohmann::json tasks;
        std::string toml;
    };
    /// So many requests became runs.
    struct Admitted {
        std::int64_t of_hungry = 0; ///< for queues of which too little was known
        std::int64_t of_others = 0;
        std::int64_t all() const { return of_hungry + of_others; }
    };
    /// What is known of the runs that wait in the store.
    struct Window {
        bool asking = false; ///< a look is under way, until its rows are taken
        bool ask_again = false;
        bool dispatch = false;            ///< after it, whether it finds anything or not
        std::vector<pg::Result> rows;     ///< of that look
        std::size_t at = 0;               ///< in them
        std::size_t fresh = 0;            ///< so many were not known
        std::vector<std::string> queues;  ///< that it asked for
        Told told;                        ///< by it
        event::Duration peeked{0};        ///< when queues were looked at of which enough is known
        std::set<std::string> capped;     ///< tasks of which more wait than are to be known
        bool asleep = true;               ///< who enqueues wakes the engine
        int quiet_looks = 0;              ///< in a row
        event::Duration woken{0};         ///< when the first of the latest notifications came
        int wakes = 0;                    ///< since then
        event::Duration asked{0};         ///< when the look began
        event::Duration asleep_period{0}; ///< until the next look; 0: the first one
        bool admits = false;              ///< that look asked for requests, too
        event::Duration admits_from{0};   ///< looks before that do not
        bool shrinks = false;             ///< that look found nothing, and took long
        event::Duration sweeps_from{0};   ///< no clearing away before that
        Admitted admitted;                ///< by that look
        std::int64_t dead = 0;            ///< rows that such looks have left behind
    };
    struct Drain {
        Reply reply;
        std::chrono::milliseconds again{0}; ///< the gate waits so long for the next part
        bool timed_out = false;
    };

    void answer_early_calls();
    void refuse_early_calls(const VerbError& error);

    // life
    void make_session();
    void end_session();
    void superseded(const std::string& why);
    void read_store();
    void read_results(std::vector<pg::Result> results, LoadKind kind);
    void note(std::string_view what, const std::string& why);
    void note_bulk(std::size_t tasks);

    // what a new master does first, and again after a lost connection
    void loaded(Loaded loaded);
    void take_tasks(Loaded& loaded);
    void take_queues(Loaded& loaded);
    void take_waiting(Loaded& loaded);
    void take_settings(const Loaded& loaded);
    void take_agents(Loaded& loaded);
    void begin_epoch(const Loaded& loaded);
    void tell_freed(const Loaded& loaded);
    void look_at_pair_boot();
    void run_reboot_tasks();

    // from the due time to the end of a run
    bool may_plan() const;
    bool may_start() const;
    std::set<std::string> names_of_tasks() const;
    void look_at_all();
    void look(const std::set<std::string>& names);
    Slice look_at_one();
    void look_at(TaskEntry& entry, task::Time time);
    void make_due_runs(const TaskEntry& entry, const task::CatchUpPlan& plan);
    void hold_due(const TaskEntry& entry, task::Time due);
    void tell_held();
    void sign_of_life(task::Time time);
    void show_life();
    void show_last_life();
    void hold_made_up(const TaskEntry& entry, task::Time due);
    void tell_outage();
    std::vector<std::string> held_queues() const;
    nlohmann::json held_json() const;
    void make_run(const TaskEntry& entry, NewRun run, task::OverlapDecision decision);
    void committed(Batch batch, const Written& written);
    void take_inserts(const Batch& batch, const std::vector<OpenRow>& rows);
    void take_insert(const NewRun& run, const OpenRow* row);
    void take_queued(OpenRun run);
    void take_follower(const OpenRun& run);
    void take_promotes(const Batch& batch, const std::vector<Claim>& claims);
    void take_noops(const std::vector<std::int64_t>& ids);
    bool is_noop(const std::string& name) const;
    void end_noop(const OpenRun& run);
    void begin(OpenRun& run);
    void start_some();
    void start_one(std::int64_t id);
    void ended(std::int64_t id, const run::RunEnd& end);
    void finish_run(const OpenRun& run, AfterEnd after);
    void dispatch();
    void arm_retries(Instant time);
    bool gate_is_shut() const;
    bool operation_drained() const;
    std::size_t runs_alive() const;
    nlohmann::json alive_runs() const;
    void check_drained();
    void drain_timed_out();

    // agents
    void look_at_agents();
    void take_sessions(const pg::Result& rows);
    void agent_gone(const std::string& name);
    void take_results(const pg::Result& rows);
    void take_result(const Delivered& which, const pg::Row& row);
    void ended_at_agent(const OpenRun& run, const Report& report);
    void take_gifts(const Batch& batch, const std::vector<std::int64_t>& given);
    nlohmann::json agents_json() const;
    struct AgentLoad {
        std::size_t running = 0;
        std::size_t waiting = 0;
    };
    AgentLoad load_of_agent(const std::string& name) const;
    const AgentEntry& find_agent(const std::string& name) const;
    void refuse_in_operation() const;
    void end_agent_sessions(const pg::Result& role);
    std::vector<std::string> queues_for_agent(const Arguments& args,
                                              const std::string& agent) const;
    void write_agent(const Call& call, const std::string& name, const std::string& verifier,
                     const std::vector<std::string>& queues);
    nlohmann::json take_removal(std::vector<pg::Result>& results, const std::string& name,
                                const std::string& by);
    void agent_add(const Call& call);
    void agent_list(const Call& call);
    void agent_token(const Call& call);
    void agent_remove(const Call& call);

    // which waiting runs are known here, and when the store is looked at for others
    void woken();
    void look_in_store();
    void look_then_dispatch();
    std::vector<std::string> hungry_queues() const;
    std::vector<std::string> queues_to_peek_at() const;
    void take_window(std::vector<pg::Result>& results, const std::vector<std::string>& queues);
    Slice take_some_of_window();
    void take_waiting_run(OpenRun run);
    void window_taken();
    void window_failed();
    void want_wake(bool asleep);
    void admit_requests(const std::vector<std::string>& hungry);
    void pause_requests(event::Duration pause);
    Reply requests_reply();
    void shrink_requests();
    void sweep_requests();
    void plan_next_look();
    event::Duration next_look();
    void stay_awake();
    void refill();
    void note_claim(const std::string& task);

    // how tasks change; `ticket` is the key in changes_
    static bool changes_tasks(std::string_view verb);
    std::uint64_t begin_change(Reply reply);
    void change_one(Reply reply, nlohmann::json answer, TaskEntry entry);
    void compare(std::uint64_t ticket);
    Slice compare_one(Change& change);
    Slice remove_one(Change& change);
    void count_others(Change& change) const;
    const task::Task* find_changed(const Change& change, const std::string& name) const;
    Slice check_after_one(Change& change);
    Slice check_removed_one(Change& change);
    void refuse_orphans(Change& change, const std::string& removed) const;
    void check_after(const task::Task& changed) const;
    void write_change(std::uint64_t ticket);
    void take_change(std::uint64_t ticket);
    Slice take_one(Change& change);
    void take_entry(TaskEntry entry);
    void forget_waiting_of(const std::set<std::string>& names);
    void finish_change(std::uint64_t ticket);
    void fail_change(std::uint64_t ticket, const VerbError& error);
    void next_change();
    void drop_changes();
    static VerbError not_master_any_more();

    // operations
    void adopt_operation(LoadKind kind);
    void end_operation(const std::string& result, const std::string& why, Reply reply);
    void write_operation_end(Reply reply);
    std::vector<pg::Query> operation_end_queries() const;
    nlohmann::json take_operation_end(std::vector<pg::Result>& results);
    void touch_operation();
    bool owner_lives() const;
    std::string open_operation() const;
    std::string way_out() const;
    nlohmann::json operation_json() const;
    static pg::Query restore_queues_query(const std::string& user);
    static pg::Query run_list_query(const std::string& task, const std::string& state,
                                    std::int64_t limit);
    void take_queue_rows(const pg::Result& rows);

    // server history
    void count_history();
    void set_decision(const Call& call, const std::string& decision);
    nlohmann::json take_decision(std::vector<pg::Result>& results, const std::string& decision,
                                 const std::string& by);
    static Reply decided_or_refused(const Reply& reply, std::string id, std::string decision);
    void history_add(const Call& call);
    void history_list(const Call& call);
    void history_show(const Call& call);
    void history_accept(const Call& call);
    void history_dismiss(const Call& call);

    // memory of runs
    const OpenRun& bearer(const Arguments& args) const;
    void list_memory(const Call& call, const Arguments& args, std::int64_t run);
    void memory_begin(const Call& call);
    void memory_done(const Call& call);
    void memory_seen(const Call& call);
    void memory_get(const Call& call);
    void memory_set(const Call& call);
    void memory_list(const Call& call);
    void memory_show(const Call& call);
    void memory_resolve(const Call& call);

    // joining
    void offer_config();
    void join_password(const Call& call);

    // verbs
    void call(const Call& call);
    using Verb = void (Impl::*)(const Call&);
    static Verb find_verb(std::string_view name);
    const TaskEntry& find_task(const std::string& name) const;
    void set_enabled(const Call& call, bool enabled);
    void set_scheduler(const Call& call, Scheduler scheduler);
    void list_tasks(std::uint64_t ticket);
    Slice list_one(Listing& listing);
    Slice export_one(Listing& listing);
    void finish_listing(std::uint64_t ticket, nlohmann::json answer);
    void drop_listings();
    void task_list(const Call& call);
    void task_show(const Call& call);
    nlohmann::json coming(const TaskEntry& entry) const;
    static Reply found_or_refused(const Reply& reply, std::string missing);
    void read_into(pg::Query query, const char* part, nlohmann::json answer, Reply reply);
    Reply with_waits(const Reply& reply, const std::string& name);
    static pg::Query waits_query(const std::string& task);
    static std::string after_text(const task::Task& task);
    std::vector<task::Task> judged_tasks(const nlohmann::json& names) const;
    void judge_change(std::uint64_t ticket);
    void end_change(std::uint64_t ticket);
    Reply with_next_due(const Reply& reply, const std::string& name) const;
    void task_next(const Call& call);
    std::string hindrance(const TaskEntry& entry) const;
    void task_export(const Call& call);
    void task_add(const Call& call);
    void task_remove(const Call& call);
    void task_enable(const Call& call);
    void task_disable(const Call& call);
    void task_run(const Call& call);
    void task_apply(const Call& call);
    void run_list(const Call& call);
    void run_show(const Call& call);
    void run_output(const Call& call);
    void run_kill(const Call& call);
    void kill_at_agent(const OpenRun& run, const Reply& reply);
    void kill_waiting(std::int64_t id, const std::string& why, const Reply& reply);
    void tell_killed(std::int64_t id);
    void run_again(const Call& call);
    void repeat(std::int64_t id, const nlohmann::json& old, const std::string& who,
                const Reply& reply);

    // who follows a run
    void look_at_output(OutputPoll poll);
    bool tell_rest(const OutputPoll& poll);
    bool tell_live(OutputPoll& poll);
    void tell_row(OutputPoll poll, nlohmann::json run);
    static void answer_output(const OutputPoll& poll, nlohmann::json run, const OutputText& text);
    void wait_for_output(OutputPoll poll);
    void keep_end(const OpenRun& run, const run::RunEnd& end);
    Reply with_live_output(const Reply& reply) const;
    static pg::Query output_row_query(std::int64_t id);
    void queue_list(const Call& call);
    void queue_hold(const Call& call);
    void queue_release(const Call& call);
    void queue_set(const Call& call);
    void queue_remove(const Call& call);
    void refuse_late_step(const Arguments& args) const;
    void refuse_others(const Arguments& args) const;
    struct HeldChange {
        std::string_view event;
        std::string what;  ///< released, dropped, kept
        std::string regex; ///< of the tasks; empty: all
        std::optional<Rate> rate;
        std::vector<pg::Query> queries; ///< the first one does it
        std::string by{};               ///< who asked
    };
    static std::string held_choice(const Arguments& args);
    void change_held(const Call& call, HeldChange change);
    nlohmann::json take_held_change(const HeldChange& change,
                                    const std::vector<pg::Result>& results);
    void held_list(const Call& call);
    void held_release(const Call& call);
    void held_drop(const Call& call);
    void held_keep(const Call& call);
    nlohmann::json pause_json() const;
    std::string pause_text() const;
    void set_pause(const Call& call, Pause pause);
    void pause_all(const Call& call);
    void resume_all(const Call& call);
    void scheduler_stop(const Call& call);
    void scheduler_start(const Call& call);
    void drain(const Call& call);
    void operation_begin(const Call& call);
    void operation_step(const Call& call);
    void operation_end(const Call& call);
    void operation_show(const Call& call);

    event::Loop& loop_;
    run::Executor& executor_;
    Settings settings_;
    Host host_;
    task::Defaults defaults_;
    Phase phase_ = Phase::stopped;
    bool suspended_ = false;
    bool session_ready_ = false; ///< up and read
    core::Epoch epoch_ = 0;
    core::Epoch doubt_ = 0;       ///< see Claimed
    task::Time in_doubt_until_{}; ///< due times up to here may have been run by an old master
    std::map<std::string, std::size_t> held_; ///< such due times by task, not told yet
    bool held_uncounted_ = false;             ///< the store has more of them than were counted
    Outages outages_;
    std::string conninfo_;
    std::uint64_t generation_ = 0; ///< grows when everything known becomes void
    Model model_;
    Window window_;
    std::map<std::int64_t, task::Task> claimed_; ///< definition of runs claimed or alive
    std::map<std::int64_t, OpenRun> again_;      ///< ended, for another attempt, not committed
    std::set<Delivered> applying_;               ///< results of agents, until that is committed
    bool asking_agents_ = false;
    bool ask_agents_again_ = false;
    event::Duration begun_at_{0};                      ///< of this epoch's work
    std::deque<std::int64_t> to_start_;                ///< committed, without a process yet
    std::map<std::uint64_t, Reply> run_replies_;       ///< of task_run, by ticket
    std::map<std::int64_t, std::vector<Reply>> kills_; ///< of run_kill, by run
    std::map<std::uint64_t, Change> changes_;          ///< by ticket; one, but while an engine ends
    std::map<std::uint64_t, Listing> listings_;        ///< by ticket
    std::map<std::uint64_t, Reading> readings_;        ///< by ticket, with the worker
    std::uint64_t reading_ = 0;                        ///< the one that counts
    std::set<std::string> to_look_; ///< tasks whose due times are to be looked at
    bool looking_ = false;
    std::uint64_t tickets_ = 0;
    nlohmann::json pair_boot_;
    std::string memory_secret_; ///< of the tokens of runs
    std::string peer_boot_;
    std::uint64_t undecided_ = 0; ///< entries of the server history
    std::optional<Drain> drain_;
    bool drain_goes_on_ = false;      ///< between two parts of it
    std::int64_t gate_operation_ = 0; ///< the one that drained; 0: none did
    std::deque<EarlyCall> early_calls_;
    std::deque<EarlyCall> late_calls_; ///< they wait for a change of the tasks
    struct Ending {
        std::string result;
        std::string why;
    };
    std::optional<Ending> ending_; ///< of the operation, until the store has it
    Planner planner_;
    event::Deferred starter_;
    event::Deferred dispatcher_;
    event::Timer early_timer_;
    event::Timer retry_timer_;
    event::Timer drain_timer_;
    event::Timer operation_timer_;
    event::Timer look_timer_;
    event::Timer life_timer_;
    event::Timer agent_timer_;
    event::Timer tidy_timer_;
    OutputWatch outputs_;
    Slices slices_; ///< of verbs
    Slices looks_;  ///< of the schedule, which waits for no verb
    event::Deferred changer_;
    event::Worker worker_; ///< after what it works on
    /// Last: when it ends it answers the verbs that wait for it.
    std::unique_ptr<Session> session_;
    std::unique_ptr<Writer> writer_;
    std::unique_ptr<Marks> marks_;
    std::unique_ptr<HeldRuns> held_runs_;
    std::unique_ptr<House> house_;
};

} // namespace roleswap::work
