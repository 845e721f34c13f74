#pragma once
#include "run/output.hpp"
#include "run/spec.hpp"
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace roleswap::run {

enum class Isolation : std::uint8_t {
    detect, ///< a cgroup per run where that works, else a keeper per run
    cgroup,
    keeper,
};

struct ExecutorSettings {
    /// Of the node.  Names the cgroup and the marker of its task processes, so that two daemons on
    /// one machine do not end each other's.  Letters, digits, dot, dash, underscore.
    std::string name = "roleswap";
    Isolation isolation = Isolation::detect;
    event::Duration term_grace = std::chrono::seconds(5); ///< between SIGTERM and SIGKILL
    std::size_t output_tail_bytes = std::size_t{64} * 1024;
    /// Path of roleswap-keeper, the main process of transient units; empty: none can be made.
    std::string keeper{};
    /// Path of roleswap-keeper, which clones the processes of direct runs where there is a cgroup;
    /// empty: the daemon itself does.
    std::string spawner{};
    event::Duration spawner_patience = std::chrono::seconds(10); ///< without an answer it is killed
    /// That process died: sentence.  Runs are not affected.
    std::function<void(const std::string&)> on_spawner_lost{};
    /// True: whoever starts something now is too late, it would have to be killed at once.
    std::function<bool()> too_late{};
};

/// Starts task commands and ends them as whole trees: nothing that a task started outlives its main
/// process, be it daemonised or not.  A run ends when its tree is dead; its output pipe being held
/// open by a stranger does not delay that.
///
/// The processes are cloned by a small helper that lives for long, so that neither memory nor
/// descriptors of the daemon make a start costly; see Spawner.
///
/// In a cgroup (cgroup v2, writable, cgroup.kill: Linux 5.14) the kernel knows the tree.  Else each
/// run has a keeper: a small process that is the subreaper of the tree, ends it when the main
/// process ends, when told to, and when the daemon dies.
///
/// A run with RunSpec::unit is started by systemd in a transient unit, in a slice of the node, with
/// a keeper of its own as main process; see UnitRun.
///
/// Owned by the daemon's instance, which must keep it until `kill_all` has answered.  Pinned.
class Executor {
public:
    using OnLine = std::function<void(const OutputLine&)>;
    using OnEnd = std::function<void(const RunEnd&)>;

    /// Throws std::system_error where `cgroup` is demanded and does not work.
    Executor(event::Loop& loop, ExecutorSettings settings, OnLine on_line);
    ~Executor();
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    /// Ends what a previous daemon of this name left behind, then calls back; once, before any run.
    void prepare(std::function<void()> on_ready);

    /// `on_end` comes exactly once, never inside this call.  What prevents the start (unknown
    /// user, missing directory or command) comes as its outcome, not as an exception.
    void start(RunSpec spec, OnEnd on_end);

    /// What a run that is alive has put out, from this byte on, as far as it is kept (see
    /// `output_tail_bytes`), at most `bytes_max` of it; empty where no such run is alive.
    std::optional<OutputPiece> output(RunId id, std::uint64_t from, std::size_t bytes_max) const;
    /// Calls back after each piece of output of this run, until it ends.
    void watch(RunId id, std::function<void()> on_output);

    /// Ends the tree of this run at once by SIGKILL; false where no such run is alive.
    bool kill(RunId id);

    /// Ends every tree at once.  `on_dead` comes when no process of any task is alive, after the
    /// `on_end` of each; also when there was none.
    void kill_all(std::function<void()> on_dead);

    std::size_t alive() const;
    /// Folder of the cgroup that holds all direct runs; empty where there is none.
    std::string group() const;
    /// Folder of the cgroup that holds all transient units, which need not be there yet; empty
    /// where no unit can be made.
    std::string unit_group() const;
    /// "NAME=value" with which an entry of the environment of each task process begins where there
    /// is no cgroup.
    std::string marker() const;
    /// "own cgroup per run under /sys/fs/cgroup/...", or why not and what is done instead; what
    /// starts them; and the same of transient units.
    std::string describe() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace roleswap::run
