#pragma once
#include "run/live_run.hpp"

namespace roleswap::run {

/// A run that is a child of the daemon: in a cgroup of its own, or below a keeper where there is
/// no cgroup.
class DirectRun : public LiveRun {
public:
    /// `number` grows with each start of this executor.  Throws std::runtime_error (also
    /// std::system_error) when nothing could be started.
    DirectRun(const Surroundings& around, RunSpec spec, std::uint64_t number);

private:
    void launch(Plan& plan);
    void main_ended();
    void read_reports();
    void tree_lost();
    void end_tree();
    void last_look() override;
    void terminate() noexcept override;
    void kill_tree() override;

    std::string marker_;
    event::UniqueFd report_pipe_;
    event::UniqueFd process_;
    pid_t pid_ = -1;        ///< main process or keeper; -1 once reaped
    bool reported_ = false; ///< the keeper told how it ended
    std::unique_ptr<event::Io> process_io_;
};

} // namespace roleswap::run
