#pragma once
#include "run/live_run.hpp"
#include "run/spawner.hpp"

namespace roleswap::run {

/// A run that is a child of the daemon: in a cgroup of its own, or below a keeper where there is
/// no cgroup.
class DirectRun : public LiveRun, private Spawner::Asker {
public:
    /// `number` grows with each start of this executor.  Throws std::runtime_error (also
    /// std::system_error) when it cannot be started.
    DirectRun(const Surroundings& around, RunSpec spec, std::uint64_t number);
    ~DirectRun() override;

private:
    std::optional<Spawner::Order> order() override;
    void spawned(const Cloned& child) override;
    void not_spawned(const std::string& why) override;
    void make_pipes();
    void watch_process();
    void main_ended();
    void read_reports();
    void tree_lost();
    void end_tree();
    /// Nothing was executed, and nothing will be.
    void give_up(const std::string& why);
    void last_look() override;
    void terminate() noexcept override;
    void kill_tree() override;

    enum class Stage : std::uint8_t {
        starting, ///< the spawner knows of it
        begun,    ///< it has, or had, a process
        given_up  ///< `tree_dead` follows
    };
    Stage stage_ = Stage::starting;
    std::string marker_;
    std::unique_ptr<Plan> plan_; ///< until it has begun
    Pipe output_;                ///< as is this
    event::UniqueFd report_write_;
    event::UniqueFd report_pipe_;
    event::UniqueFd process_;
    pid_t pid_ = -1;        ///< main process or keeper; -1 once reaped
    bool reported_ = false; ///< the keeper told how it ended
    std::unique_ptr<event::IoCrowd::Member> process_io_;
    event::Deferred later_;
};

} // namespace roleswap::run
