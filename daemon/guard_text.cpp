#include "guard_text.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {

std::string protection_text(std::uint32_t protection)
{
    const auto has = [protection](std::uint32_t bit) { return (protection & bit) != 0; };
    return fmt::format("{}, {}, kills tasks by {} and store by {}",
                       has(guard::memory_locked) ? "memory locked" : "memory not locked",
                       has(guard::realtime) ? "real-time" : "not real-time",
                       has(guard::tasks_group) ? "cgroup" : "process tree",
                       has(guard::store_group) ? "cgroup" : "process list");
}

nlohmann::json guard_status(const guard::Client& guard)
{
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto now = guard.snapshot();
    const auto has = [&now](std::uint32_t bit) { return (now.protection & bit) != 0; };
    nlohmann::json object{{"state", now.running ? now.left ? "armed" : "disarmed" : "missing"},
                          {"left_ms", nullptr},
                          {"memory_locked", has(guard::memory_locked)},
                          {"realtime", has(guard::realtime)},
                          {"never_oom", has(guard::never_oom)},
                          {"tasks_by_cgroup", has(guard::tasks_group)},
                          {"store_by_cgroup", has(guard::store_group)},
                          {"firings", now.firings},
                          {"watchdog", now.watchdog},
                          {"trouble", now.running ? now.watchdog_trouble : now.trouble}};
    if (now.left) object["left_ms"] = duration_cast<milliseconds>(*now.left).count();
    return object;
}

} // namespace roleswap::daemon
