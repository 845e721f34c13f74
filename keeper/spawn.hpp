#pragma once

namespace roleswap::keeper {

/// The life of `roleswap-keeper spawn`: clones the tasks of the daemon, one after another, as
/// children of the daemon.  It is small, so that this costs little, and nothing in it waits for a
/// file system: what a task's start waits for, its own process waits for.  Ends with the daemon.
/// Returns the exit code; throws std::runtime_error.
int spawn();

} // namespace roleswap::keeper
