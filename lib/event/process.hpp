#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::event {

struct UserId {
    uid_t uid = 0;
    gid_t gid = 0;
};

/// Numeric ids of a user of this machine; throws std::runtime_error naming it when there is none.
UserId find_user(const std::string& name);

/// A helper program of ours (initdb, postgres, pg_rewind ...), never a task: tasks are lib/run.
struct Command {
    std::vector<std::string> argv;        ///< argv[0] is a path; no PATH search
    std::vector<std::string> environment; ///< "NAME=value", over the daemon's own
    std::optional<UserId> as;             ///< drop to this user where the daemon is root
    std::string directory = "/";
    std::string input;            ///< its standard input; never on a disk nor on a command line
    int death_signal = 0;         ///< sent to it when the daemon dies; 0 = none
    std::string cgroup;           ///< folder of the cgroup v2 that it enters first; empty: stays
    std::vector<int> descriptors; ///< borrowed, at most 8; become 3, 4, ... in it
};

struct Ended {
    bool exited = false; ///< else ended by a signal
    int status = 0;      ///< exit code or signal
    std::string output;  ///< last 16 KiB of stdout and stderr together
    bool ok() const { return exited && status == 0; }
    /// "exit code 1: last line of output", for messages.
    std::string describe() const;
};

/// A running helper program.  Destroying it neither kills nor waits.  Pinned.
class Process {
public:
    using OnEnd = std::function<void(const Ended&)>;
    using OnOutput = std::function<void(std::string_view)>;

    /// Throws std::system_error when it cannot be started (the program is missing, no memory).
    Process(Loop& loop, const Command& command, OnEnd on_end, OnOutput on_output = {});
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const { return pid_; }
    /// Ignored once it has ended.
    void signal(int number) noexcept;
    /// The same for it and what it has started, as far as that stayed in its process group.
    void signal_all(int number) noexcept;

private:
    void read_output();
    void ended(int code, int status);
    OnEnd on_end_;
    OnOutput on_output_;
    UniqueFd output_;
    std::string tail_;
    pid_t pid_ = -1;
    bool running_ = true;
    std::unique_ptr<Io> io_;
    std::unique_ptr<Child> child_;
};

} // namespace roleswap::event
