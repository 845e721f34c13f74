#pragma once
#include "guard/client.hpp"
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace roleswap::daemon {

/// All that a guard can be protected by, and kill by.
inline constexpr std::uint32_t full_protection =
    guard::memory_locked | guard::realtime | guard::tasks_group | guard::store_group;

/// "memory locked, real-time, tasks by cgroup, store by cgroup", with what is missing named.
std::string protection_text(std::uint32_t protection);

/// The guard in the status of a node.
nlohmann::json guard_status(const guard::Client& guard);

} // namespace roleswap::daemon
