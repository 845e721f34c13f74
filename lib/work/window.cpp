#include "work/window.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

/// As an array of text; names of tasks and queues have nothing that would need more care.
template <typename Names> std::string array_text(const Names& names)
{
    if (names.empty()) return "{}";
    return fmt::format("{{\"{}\"}}", fmt::join(names, "\",\""));
}

Instant instant(std::int64_t microseconds)
{
    return Instant(std::chrono::microseconds(microseconds));
}

} // namespace

pg::Query window_query(const std::vector<std::string>& queues,
                       const std::set<std::string>& passed_over)
{
    return {"SELECT * FROM roleswap.queued_runs($1, $2, $3)",
            {array_text(queues), array_text(passed_over), std::to_string(window_runs)}};
}

OpenRun read_waiting_run(const pg::Row& row)
{
    OpenRun run;
    run.id = row.integer(0);
    run.task = row.text(1);
    run.queue = row.text(2);
    run.due = instant(row.integer(3));
    run.attempt = static_cast<int>(row.integer(4));
    run.retries_used = static_cast<std::uint32_t>(row.integer(5));
    if (const auto at = row.maybe_integer(6)) run.not_before = instant(*at);
    run.priority = static_cast<int>(row.integer(7));
    return run;
}

} // namespace roleswap::work
