#include "work/house.hpp"
#include "work/marks.hpp"
#include "work/window.hpp"
#include <algorithm>

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t rows_max = 2000;     ///< deleted by one slice, for each rule
constexpr std::size_t names_max = 200;       ///< tasks looked at in one
constexpr event::Duration pause_max = 200ms; ///< between two slices
constexpr event::Duration pause_min = 10ms;  ///< where there is much
constexpr int pause_share = 2;               ///< times what the slice took: a third is for it
constexpr int periods_of_sweep = 6;          ///< one finds what is too old; days are counted

constexpr const char* keys_sql =
    "DELETE FROM roleswap.enqueue_key WHERE made_at < now() - make_interval(days => $1::integer)";

constexpr const char* after_sql = "DELETE FROM roleswap.after_end "
                                  "WHERE at < now() - make_interval(days => $1::integer) "
                                  "AND NOT waits";

/// Of each task the newest runs stay; which the index on (task, due) tells without a look at the
/// other rows.
constexpr const char* many_sql = R"(
DELETE FROM roleswap.run WHERE id IN (
    SELECT r.id FROM unnest($1::text[]) AS t(name)
    CROSS JOIN LATERAL (SELECT due FROM roleswap.run WHERE task = t.name
                        ORDER BY due DESC OFFSET $2::bigint LIMIT 1) AS edge
    CROSS JOIN LATERAL (SELECT id FROM roleswap.run WHERE task = t.name AND due <= edge.due AND over
                        AND held_since IS NULL ORDER BY due LIMIT $3::bigint) AS r
    LIMIT $3::bigint))";

/// The next tasks after one, removed ones too, by one step in the index each.  The last row tells
/// how far it came; its count is of all that went.
constexpr const char* old_sql = R"(
WITH RECURSIVE names(name, place) AS (
    (SELECT task, 1 FROM roleswap.run WHERE task > $1 ORDER BY task LIMIT 1)
    UNION ALL
    SELECT (SELECT r.task FROM roleswap.run AS r WHERE r.task > names.name ORDER BY r.task LIMIT 1),
           place + 1
    FROM names WHERE names.name IS NOT NULL AND place < $4::bigint
), old AS (
    SELECT r.id FROM names
    CROSS JOIN LATERAL (SELECT id FROM roleswap.run
        WHERE task = names.name AND due < now() - make_interval(days => $2::integer) AND over
              AND ended_at < now() - make_interval(days => $2::integer)
        ORDER BY due LIMIT $3::bigint) AS r
    LIMIT $3::bigint
), gone AS (
    DELETE FROM roleswap.run WHERE id IN (SELECT id FROM old) RETURNING 1
)
SELECT (SELECT count(*) FROM gone), max(name), count(name) FROM names)";

} // namespace

House::House(event::Loop& loop, Session& session, Limits limits, Callbacks callbacks)
    : session_(session), limits_(limits), callbacks_(std::move(callbacks)),
      period_(loop, [this] { work(); }), next_(loop, [this] { slice(); })
{
}

void House::begin(std::set<std::string> tasks)
{
    fresh_ = std::move(tasks);
    period_.start_every(limits_.period);
}

void House::note_ended(const std::string& task)
{
    fresh_.insert(task);
    if (++ended_ >= limits_.ended && !busy_ && !next_.running()) work();
}

void House::work()
{
    ended_ = 0;
    tasks_.merge(std::exchange(fresh_, {}));
    const auto now = event::Loop::now();
    if (now >= sweep_from_) {
        sweep_from_ = now + limits_.period * periods_of_sweep;
        sweeping_ = true;
    }
    if (!busy_ && !next_.running()) slice();
}

/// Runs first, then what belonged to them.
void House::slice()
{
    if (busy_ || !session_.up() || !callbacks_.may_work()) return;
    if (tasks_.empty() && !sweeping_)
        return write(rest_queries(), [this](auto& results) {
            // Items of the memory go in parts.
            return results.at(0).affected() > 0 ? Left::more : Left::nothing;
        });
    std::vector<std::string> names;
    while (!tasks_.empty() && names.size() < names_max)
        names.push_back(std::move(tasks_.extract(tasks_.begin()).value()));
    auto queries = run_queries(names);
    write(std::move(queries), [this, names = std::move(names)](auto& results) {
        bool full = results.at(0).affected() >= rows_max;
        if (full) tasks_.insert(names.begin(), names.end());
        if (sweeping_) full = swept(results.at(1)[0]) || full;
        return full ? Left::much : Left::more;
    });
}

std::vector<pg::Query> House::run_queries(const std::vector<std::string>& names) const
{
    const auto rows = std::to_string(rows_max);
    std::vector<pg::Query> queries{
        {many_sql, {array_text(names), std::to_string(limits_.runs), rows}}};
    if (sweeping_)
        queries.push_back(
            {old_sql, {swept_, std::to_string(limits_.days), rows, std::to_string(names_max)}});
    return queries;
}

std::vector<pg::Query> House::rest_queries() const
{
    auto queries = prune_memory_queries();
    for (const char* sql : {keys_sql, after_sql})
        queries.push_back({sql, {std::to_string(limits_.days)}});
    return queries;
}

/// True where there is more of the same tasks.
bool House::swept(const pg::Row& row)
{
    if (row.integer(0) >= static_cast<std::int64_t>(rows_max)) return true;
    swept_ = row.maybe_text(1).value_or("");
    sweeping_ = row.integer(2) == static_cast<std::int64_t>(names_max);
    if (!sweeping_) swept_.clear();
    return false;
}

/// What is left undone waits for the next period where the store refuses, as at its end.
void House::write(std::vector<pg::Query> queries, Took take)
{
    busy_ = true;
    const auto begun = event::Loop::now();
    session_.write(std::move(queries), [this, begun, take](const pg::Outcome& outcome) {
        busy_ = false;
        const auto* done = std::get_if<pg::Committed>(&outcome);
        if (done == nullptr) return callbacks_.on_trouble("old runs: " + pg::describe(outcome));
        const auto left = take(done->results);
        if (left == Left::nothing && ended_ >= limits_.ended) return work();
        if (left == Left::nothing) return;
        const auto took = event::Loop::now() - begun;
        next_.start_in(left == Left::much ? std::clamp(took * pause_share, pause_min, pause_max)
                                          : pause_max);
    });
}

} // namespace roleswap::work
