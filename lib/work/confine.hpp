#pragma once
#include "run/spec.hpp"
#include "task/task.hpp"

namespace roleswap::work {

/// What the executor is told of a task's bounds: the limits of its processes, and, where it needs
/// a transient unit, the properties of that.
void confine(run::RunSpec& spec, const task::Task& task);

/// Throws task::Error where this node cannot hold the task: it needs a transient unit, and there
/// is no systemd, or nothing would enforce one of its limits.
void check_can_be_held(const task::Task& task);

} // namespace roleswap::work
