#pragma once
#include "event/loop.hpp"
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace roleswap::run {

/// The caller's number of a run; unique among those that are alive.
using RunId = std::int64_t;

/// A limit of each process of a task (setrlimit(2)), hard and soft alike.
struct ProcessLimit {
    int resource = 0;        ///< RLIMIT_NOFILE and its kin
    std::uint64_t value = 0; ///< RLIM_INFINITY: none
    bool operator==(const ProcessLimit&) const = default;
};

/// What holds for a task as a whole, as a property of its transient unit on the bus
/// (org.freedesktop.systemd1(5)).
struct UnitProperty {
    /// As "(bas)" on the bus: the list is what is allowed, or what is not.
    struct Filter {
        bool allows = true;
        std::vector<std::string> list;
        bool operator==(const Filter&) const = default;
    };
    std::string name;
    std::variant<bool, std::uint64_t, std::string, std::vector<std::string>, Filter> value;
    bool operator==(const UnitProperty&) const = default;
};

/// What to start.  Either `argv` or `command` is filled; `command` goes to `shell -c`.
struct RunSpec {
    RunId id = 0;
    std::vector<std::string> argv; ///< argv[0] without a slash is looked up in the task's PATH
    std::string command;
    std::string shell;                 ///< empty: SHELL of `environment`, else /bin/sh
    std::string user;                  ///< empty: the daemon's own user; another needs root
    std::string group;                 ///< empty: the user's primary group
    std::vector<std::string> groups{}; ///< supplementary ones besides those of the user
    std::string directory; ///< empty: the user's home, or / where that is missing (as cron does)
    /// "NAME=value", put over HOME, LOGNAME, USER, SHELL and PATH=/usr/bin:/bin, which is all that
    /// a task gets besides; a later entry wins.
    std::vector<std::string> environment;
    std::optional<mode_t> umask;      ///< empty: 022
    std::string stdin_text;           ///< empty: /dev/null
    std::vector<std::string> needs{}; ///< paths without which it is not started
    std::vector<ProcessLimit> limits{};
    /// There: it runs in a transient unit of its own with these properties; needs systemd and root.
    std::optional<std::vector<UnitProperty>> unit{};
    std::uint64_t output_max = 0; ///< bytes, then its tree is killed; 0: no limit
    event::Duration timeout{0};   ///< 0: none.  Then SIGTERM, and SIGKILL after the grace time
    std::string tag;              ///< for the caller, handed back with each line
    std::string due{};            ///< as is this
    int attempt = 1;              ///< and this
    bool journal = true;          ///< each line is handed to the caller
};

/// Why a run is being ended by us.
enum class Killed : std::uint8_t {
    no,
    timed_out,
    by_request, ///< Executor::kill
    with_all,   ///< Executor::kill_all
    output,     ///< it wrote more than RunSpec::output_max
};

/// How a run ended.  Exit codes 126 and 127 are those of a shell: found but not executable (also:
/// user unknown or not permitted, directory missing), and command not found.
struct RunEnd {
    RunId id = 0;
    bool started = false;       ///< false: nothing was executed, `why` says what is wrong
    std::optional<int> code;    ///< exit code of the main process
    std::optional<int> signal;  ///< or the signal that ended it
    Killed killed = Killed::no; ///< set when we ended it, whatever code or signal came of it
    std::string why;            ///< one sentence; empty when it ended by itself with code 0
    std::string output_tail;    ///< last bytes of stdout and stderr together
    std::uint64_t output_bytes = 0;
    std::chrono::system_clock::time_point started_at;
    std::chrono::system_clock::time_point ended_at;
    event::Duration duration{0}; ///< by CLOCK_BOOTTIME
    event::Duration cpu{0};      ///< user and system time of the tree
    std::uint64_t peak_memory_kib = 0;
    std::uint64_t read_bytes = 0;    ///< from and to storage; without the io controller only of
    std::uint64_t written_bytes = 0; ///< processes that their parents waited for

    bool ok() const { return started && killed == Killed::no && code == 0; }
};

/// A whole line of output without its newline; a line above 8 KiB comes in pieces.
struct OutputLine {
    RunId id = 0;
    std::string_view tag;
    std::string_view due;
    int attempt = 1;
    std::string_view text;
};

} // namespace roleswap::run
