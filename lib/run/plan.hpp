#pragma once
#include "event/fd.hpp"
#include "run/account.hpp"
#include "run/spec.hpp"
#include <string>
#include <vector>

namespace roleswap::run {

/// Where a start failed, for the sentence and the exit code.
enum class Stage : int { stdio, session, limits, group, user, directory, execute, keeper };

inline constexpr std::int64_t block_bytes = 512; ///< of ru_inblock and ru_oublock, getrusage(2)

/// What a child or a keeper tells through the report pipe; at most two per run.
struct Report {
    enum class Kind : int {
        not_started, ///< `stage` failed with errno `error`
        ended,       ///< from a keeper: the tree is dead, main ended with wait `status`
    };
    Kind kind = Kind::not_started;
    Stage stage = Stage::stdio;
    int error = 0;
    int status = 0;
    std::int64_t cpu_us = 0;
    std::int64_t peak_memory_kib = 0;
    std::int64_t read_bytes = 0;
    std::int64_t written_bytes = 0;
};

/// All that the child needs between clone and exec, made before, since only async-signal-safe
/// calls are allowed there.  Pinned once the pointers are made.
struct Plan {
    Plan(const RunSpec& spec, Account runs_as, const std::string& marker);
    /// From what `packed` made; the descriptors are still missing.  Throws std::runtime_error.
    explicit Plan(std::string_view packed);
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    Account account;
    std::string directory; ///< empty: home, else /
    mode_t umask = 022;
    std::vector<ProcessLimit> limits;
    event::UniqueFd input; ///< becomes stdin
    int output = -1;       ///< becomes stdout and stderr; borrowed
    int report = -1;       ///< Reports go here; borrowed

    std::vector<char*> argv_pointers;
    std::vector<char*> environment_pointers;
    std::vector<char*> candidate_pointers; ///< paths to try, in order

    /// Everything but the descriptors, as text for another program.
    std::string packed() const;

private:
    void make_pointers();
    std::vector<std::string> argv_;
    std::vector<std::string> environment_;
    std::vector<std::string> candidates_;
};

/// The environment of a task: what cron gives, then `spec.environment`, then `marker` when not
/// empty.
std::vector<std::string> task_environment(const RunSpec& spec, const Account& account,
                                          const std::string& marker);

/// Value of NAME in "NAME=value" entries, empty when missing.
std::string value_of(const std::vector<std::string>& environment, std::string_view name);

/// The program of a run: as it is named, and the paths that are tried for it, in order.
struct Program {
    std::string name;
    std::vector<std::string> candidates;
};
Program program_of(const RunSpec& spec, const Account& account);

/// "directory /x: No such file or directory", and the exit code a shell would give.
std::string explain(const Report& report, const RunSpec& spec);
int exit_code_of(const Report& report);

} // namespace roleswap::run
