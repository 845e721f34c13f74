#pragma once
#include "core/machine.hpp"

namespace roleswap::core {

/// The epoch that this node claimed by an operator's word although the peer may have acknowledged
/// commits that this store lacks: what the peer's tasks did last is in doubt.  0: none.  Lasts
/// until the node mirrors another one, so that a restart does not forget it.  `kept` is the one up
/// to now, `next` the record that `input` makes to be written.  A fact only: nothing decides on it
/// in here.
Epoch doubt_of(const State& before, const Input& input, const Record& next, Epoch kept);

} // namespace roleswap::core
