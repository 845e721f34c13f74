#pragma once
#include "run/cgroup.hpp"
#include "run/executor.hpp"
#include "run/output.hpp"
#include "run/plan.hpp"
#include <memory>
#include <optional>

namespace roleswap::run {

/// What the runs of an executor share.
struct Surroundings {
    event::Loop& loop;
    const ExecutorSettings& settings;
    const Executor::OnLine& on_line;
    const std::optional<Cgroup>& task_root; ///< empty: a keeper per run
    Accounts& accounts;
    std::function<void(RunId)> finished; ///< destroys the run
};

/// One run from its start to the death of its tree.  Pinned.
class LiveRun {
public:
    /// `number` grows with each start of this executor.  Throws std::runtime_error (also
    /// std::system_error) when nothing could be started.
    LiveRun(const Surroundings& around, RunSpec spec, std::uint64_t number);
    LiveRun(const LiveRun&) = delete;
    LiveRun& operator=(const LiveRun&) = delete;

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

private:
    void launch(Plan& plan);
    void main_ended();
    void read_reports();
    void tree_lost();
    void end_tree();
    void tree_dead();
    void read_output(std::size_t bytes_max);
    void timed_out();
    void terminate() noexcept;
    void kill_tree();
    void take_usage(const Report& report);
    void take_figures();
    std::string sentence() const;

    const Surroundings& around_;
    RunSpec spec_;
    RunEnd end_;
    std::string marker_;
    std::optional<Cgroup> cgroup_;
    Output output_;
    std::function<void()> on_output_; ///< empty: nobody follows it
    event::UniqueFd output_pipe_;
    event::UniqueFd report_pipe_;
    event::UniqueFd process_;
    pid_t pid_ = -1;        ///< main process or keeper; -1 once reaped
    bool reported_ = false; ///< the keeper told how it ended
    event::Duration started_{0};
    std::unique_ptr<event::Io> process_io_;
    std::unique_ptr<event::Io> output_io_;
    std::unique_ptr<event::Timer> timer_;
    std::unique_ptr<EmptyWatch> empty_;
};

} // namespace roleswap::run
