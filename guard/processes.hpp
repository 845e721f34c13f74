#pragma once
#include <sys/types.h>

namespace roleswap::guard {

/// What is known of tasks and store where there is no cgroup for them.
struct Marks {
    pid_t daemon = 0;
    const char* marker = nullptr;  ///< task processes: their environment begins an entry so
    const char* cluster = nullptr; ///< postgres: its working folder
};

/// SIGKILL to every process of the tasks: those with the marker, and all below the keepers that
/// are children of the daemon; the keepers are told to end.  Returns how many were alive (zombies
/// are not): call again until it is zero.  Walks /proc (proc(5)) without memory of its own.
unsigned kill_task_trees(const Marks& marks) noexcept;

/// SIGKILL to every postgres in the folder of the cluster: the postmaster, its backends, those
/// that outlived it.  Returns how many were alive.
unsigned kill_cluster(const Marks& marks) noexcept;

} // namespace roleswap::guard
