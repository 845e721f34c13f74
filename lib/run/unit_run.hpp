#pragma once
#include "run/live_run.hpp"
#include "run/units.hpp"

namespace roleswap::run {

/// A run in a transient unit of its own, in the slice of the node.  The unit's main process is
/// roleswap-keeper, which first says that it is there: only when it has been seen to be in the
/// slice, where the guard's kill reaches it, it gets what it is to start.  So a unit that systemd
/// starts late, when the daemon has given up, stands still or is gone, starts nothing.
class UnitRun : public LiveRun, private Units::Asker {
public:
    /// `number` grows with each start of this executor.  Throws std::runtime_error (also
    /// std::system_error) when systemd cannot be asked.
    UnitRun(const Surroundings& around, RunSpec spec, std::uint64_t number);
    ~UnitRun() override;

private:
    void unit_started(const std::string& trouble) override;
    void heard();
    void ended_early();
    void keeper_is_here(pid_t pid);
    void send_plan();
    void main_ended();
    void keeper_ended();
    /// Nothing was executed, and nothing will be.
    void give_up(std::string why);
    void end_tree();
    void take_last_figures();
    void say(char word) noexcept;
    void terminate() noexcept override;
    void kill_tree() override;

    enum class Stage : std::uint8_t {
        asked,   ///< systemd has to start the unit
        begun,   ///< the keeper has the plan
        ended,   ///< the main process has ended, the figures are taken
        given_up ///< `tree_dead` follows
    };
    Stage stage_ = Stage::asked;
    bool job_done_ = false; ///< systemd has started the keeper, or could not
    bool taken_ = false;    ///< the figures
    std::string unit_;
    std::unique_ptr<Plan> plan_; ///< until it is sent
    event::UniqueFd output_;     ///< as is this
    event::UniqueFd control_;
    event::UniqueFd keeper_;
    std::unique_ptr<event::Io> control_io_;
    std::unique_ptr<event::Io> keeper_io_;
    event::Deferred later_;
};

} // namespace roleswap::run
