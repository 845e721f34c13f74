// Runs that the ends of others bring.  The store makes them in the transaction of the end, see
// roleswap.bring_followers; here they enter the queues.
#include "base/time_text.hpp"
#include "task/after.hpp"
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

/// What a task waits for: for each name the newest end that counts, if there is one.
constexpr const char* waits_sql = R"(
SELECT coalesce(json_agg(json_build_object('task', a.predecessor, 'which', a.which, 'run', e.ended_run,
    'state', e.state, 'at', roleswap.iso(e.at)) ORDER BY a.predecessor), '[]')
FROM roleswap.task_after AS a LEFT JOIN roleswap.after_end AS e
    ON e.task = a.task AND e.predecessor = a.predecessor AND e.waits
WHERE a.task = $1)";

} // namespace

/// A batch that was sent again tells of runs that are known already.
void Engine::Impl::take_follower(const OpenRun& run)
{
    if (!model_.open.contains(run.id)) take_queued(run);
}

/// "after fetch and clean:any"; empty where it is after none.
std::string Engine::Impl::after_text(const task::Task& task)
{
    if (task.after.empty()) return {};
    return fmt::format("after {}", fmt::join(*task.after, " and "));
}

pg::Query Engine::Impl::waits_query(const std::string& task)
{
    return {waits_sql, {task}};
}

} // namespace roleswap::work
