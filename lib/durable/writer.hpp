#pragma once
#include "event/worker.hpp"

namespace roleswap::durable {

/// Runs blocking file work beside the loop: fsync can take most of a second on a busy disk.  An
/// error of it ends the loop: a node that cannot write its record must not act.
using Writer = event::Worker;

} // namespace roleswap::durable
