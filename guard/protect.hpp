#pragma once
#include <cstdint>

namespace roleswap::guard {

/// Makes this process one that runs when no other does, as far as it may: all of its memory locked
/// and touched (mlock(2)), real-time (sched(7)), not chosen when memory is short (proc(5)), deaf
/// to the signals of a terminal or a service manager: it ends with its daemon.
/// Returns bits of Protection.
std::uint32_t protect() noexcept;

} // namespace roleswap::guard
