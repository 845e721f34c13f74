#pragma once
#include "run/plan.hpp"
#include <sys/types.h>

namespace roleswap::run {

/// clone3(2) of this process like fork, and into the cgroup when `cgroup` is not -1.  Returns 0 in
/// the child with every signal blocked.  glibc 2.36 has no wrapper.  Negative with errno on
/// failure.
pid_t clone_process(int cgroup) noexcept;

/// Signals and the score for the want of memory as a task expects them, whatever a daemon's are.
/// Only async-signal-safe calls.
void become_ordinary() noexcept;

/// In the child of a clone, an ordinary one: makes it what the plan says and executes it.  It ends
/// with `parent`.  Only async-signal-safe calls.
[[noreturn]] void become_task(const Plan& plan, pid_t parent) noexcept;

/// In the child of a clone: starts the task as its own child and ends the whole tree when the main
/// process ends, on SIGTERM, and when the daemon dies; passes SIGUSR1 on as SIGTERM to the task's
/// process group.  Its last act is to report how the main process ended.
[[noreturn]] void become_keeper(const Plan& plan) noexcept;

/// Words between the daemon and the keeper of a unit, over a seqpacket socket; besides these the
/// keeper sends Reports, which are longer.
inline constexpr char say_here = 'h';      ///< keeper: it is there, in the cgroup of its unit
inline constexpr char say_plan = 'p';      ///< daemon: with plan, input and output as descriptors
inline constexpr char say_terminate = 't'; ///< daemon: SIGTERM to the task
inline constexpr char say_quit = 'q';      ///< daemon: end, and whatever is left of the task

/// The life of the program roleswap-keeper once it has its plan: as become_keeper, but told by
/// `control`, whose end is that of the daemon, and it waits for say_quit after its report, so that
/// its cgroup can be read.
[[noreturn]] void keep_in_unit(const Plan& plan, int control) noexcept;

} // namespace roleswap::run
