#include "work/window.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

template <typename Names> std::string text_of(const Names& names)
{
    if (names.empty()) return "{}";
    return fmt::format("{{\"{}\"}}", fmt::join(names, "\",\""));
}

Instant instant(std::int64_t microseconds)
{
    return Instant(std::chrono::microseconds(microseconds));
}

} // namespace

std::string array_text(const std::vector<std::string>& names)
{
    return text_of(names);
}

pg::Query window_query(const std::vector<std::string>& queues,
                       const std::vector<std::string>& others,
                       const std::set<std::string>& passed_over)
{
    pg::Query query{"SELECT * FROM roleswap.queued_runs($1, $2, $3)",
                    {text_of(queues), text_of(passed_over), std::to_string(window_runs)}};
    if (others.empty()) return query;
    query.sql += " UNION ALL SELECT * FROM roleswap.queued_runs($4, $2, $5)";
    query.params.emplace_back(text_of(others));
    query.params.emplace_back(std::to_string(window_peek));
    return query;
}

void Told::note(const OpenRun& run)
{
    if (run.not_before) return;
    auto& last = last_[run.queue];
    ++last.runs;
    last.turn = turn_of(run);
}

void Told::set_edge(const std::string& name, QueueEntry& queue) const
{
    const auto found = last_.find(name);
    queue.more = found != last_.end() && found->second.runs >= window_runs;
    if (queue.more) queue.edge = found->second.turn;
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
