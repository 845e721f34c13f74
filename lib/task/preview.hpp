#pragma once
#include "task/policy.hpp"
#include <nlohmann/json_fwd.hpp>

namespace roleswap::task {

/// "2026-03-29T03:00:00+02:00": RFC 3339 by the clock of the zone.
std::string local_text(Time time, const Zone& zone);

/// The next due times after `after`, at most `limit`, as programs read them:
/// [{"due": in UTC, "local": local_text, "start": in UTC}], "start" with a jitter only.
nlohmann::json coming(const Schedule& schedule, const Task& task, Time after, std::size_t limit);

} // namespace roleswap::task
