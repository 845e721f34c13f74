#pragma once
#include "event/io_crowd.hpp"
#include "run/cgroup.hpp"
#include "run/executor.hpp"
#include "run/output.hpp"
#include "run/plan.hpp"
#include <memory>
#include <optional>

namespace roleswap::run {

class Spawner;
class TaskGroups;
class Units;

/// Which figures the kernel keeps for cgroups of one kind; what is missing is looked for once.
struct Known {
    bool peak_memory = true;
    bool io = true;
};

/// What the runs of an executor share.
struct Surroundings {
    event::Loop& loop;
    event::IoCrowd& crowd;
    const ExecutorSettings& settings;
    const Executor::OnLine& on_line;
    const std::optional<Cgroup>& task_root; ///< empty: a keeper per run
    TaskGroups& groups;
    Units& units;
    Spawner& spawner;
    Accounts& accounts;
    Known& known;                        ///< of direct runs
    Known& known_units;                  ///< of those in units
    std::function<void(RunId)> finished; ///< destroys the run
};

/// One run from its start to the death of its tree; how it is started and what holds its tree
/// together is told by who derives from it.  Pinned.
class LiveRun {
public:
    LiveRun(const LiveRun&) = delete;
    LiveRun& operator=(const LiveRun&) = delete;
    virtual ~LiveRun();

    /// SIGKILL to the whole tree; the first reason stands.
    void kill(Killed why);
    OutputPiece output(std::uint64_t from, std::size_t bytes_max) const
    {
        return output_.piece(from, bytes_max);
    }
    /// After each piece of output; from the loop.
    void watch(std::function<void()> on_output) { on_output_ = std::move(on_output); }
    /// To be taken in `finished`.
    RunEnd& end() { return end_; }

protected:
    /// Its time-out runs from here.  Throws std::runtime_error when it must not be started any
    /// more.
    LiveRun(const Surroundings& around, RunSpec spec, Known& known);

    void began_at(std::chrono::system_clock::time_point at);
    /// It has begun: from now on its output is read.
    void begin(event::UniqueFd output);
    /// Nothing was executed.
    void take_failure(const Report& report);
    /// How the main process ended, by who waited for it.
    void take_usage(const Report& report);
    /// What the cgroup knows, which must still be there.
    void take_figures();
    /// `tree_dead` when nothing is in the cgroup any more, not inside this call.
    void await_empty();
    void tree_dead(); ///< destroys this
    /// SIGTERM to the process group of the task.
    virtual void terminate() noexcept = 0;
    virtual void kill_tree() = 0;
    /// The tree is dead: what its cgroup still tells.
    virtual void last_look() {}
    /// Besides how it ended: a limit that it met, processes that it left.
    void note(std::string text) { notes_.push_back(std::move(text)); }
    /// Nothing where it was killed anyway.
    void note_left(std::size_t processes);

    const Surroundings& around_;
    RunSpec spec_;
    RunEnd end_;
    std::optional<Cgroup> cgroup_;
    std::unique_ptr<event::Timer> timer_;

private:
    void read_output(std::size_t bytes_max);
    void timed_out();
    std::string sentence() const;
    std::string ending() const;

    Known& known_;
    Output output_;
    std::function<void()> on_output_; ///< empty: nobody follows it
    event::UniqueFd output_pipe_;
    event::Duration started_{0};
    std::vector<std::string> notes_;
    bool dead_ = false;
    std::unique_ptr<event::IoCrowd::Member> output_io_;
    std::unique_ptr<EmptyWatch> empty_;
};

struct Pipe {
    event::UniqueFd read; ///< does not block
    event::UniqueFd write;
};
/// Throws std::system_error.
Pipe make_pipe();

} // namespace roleswap::run
