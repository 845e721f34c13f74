#include "work/house.hpp"
#include "work/marks.hpp"
#include "work/window.hpp"
#include <algorithm>

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t rows_max = 2000;     ///< deleted by one slice, for each rule
constexpr std::size_t names_max = 200;       ///< tasks looked at in one,
constexpr std::size_t names_min = 5;         ///< and where that takes long
constexpr event::Duration slice_max = 30ms;  ///< long
constexpr event::Duration pause_max = 200ms; ///< between two slices, at the least
constexpr event::Duration pause_min = 10ms;  ///< where there is much
constexpr int pause_share = 2;               ///< times what the slice took: a third is for it
constexpr int periods_of_sweep = 6;          ///< one finds what is too old; days are counted

constexpr const char* keys_sql = R"(
DELETE FROM roleswap.enqueue_key WHERE ctid IN (
    SELECT ctid FROM roleswap.enqueue_key WHERE made_at < now() - make_interval(days => $1::integer)
    ORDER BY made_at LIMIT $2::bigint))";

constexpr const char* after_sql = R"(
DELETE FROM roleswap.after_end WHERE ctid IN (
    SELECT ctid FROM roleswap.after_end WHERE at < now() - make_interval(days => $1::integer)
        AND NOT waits ORDER BY at LIMIT $2::bigint))";

/// Of each task the newest ended runs stay, and those of unknown end, which wait for a person.  The
/// index on (task, due) alone tells which tasks have more than that at all.  The rows of the last
/// due times stay, too: they tell, when the clock is set back, what ran.
constexpr const char* many_sql = R"(
DELETE FROM roleswap.run WHERE id IN (
    SELECT r.id FROM unnest($1::text[]) AS t(name)
    CROSS JOIN LATERAL (SELECT due FROM roleswap.run WHERE task = t.name
                        ORDER BY due DESC OFFSET $2::bigint LIMIT 1) AS more
    CROSS JOIN LATERAL (SELECT due FROM roleswap.run
                        WHERE task = t.name AND more.due IS NOT NULL
                              AND over AND held_since IS NULL AND state <> 'interrupted'
                        ORDER BY due DESC OFFSET $2::bigint LIMIT 1) AS edge
    CROSS JOIN LATERAL (SELECT id FROM roleswap.run WHERE task = t.name AND due <= edge.due AND over
                        AND held_since IS NULL AND state <> 'interrupted'
                        AND (cause <> 'due' OR due < now() - interval '2 h')
                        ORDER BY due LIMIT $3::bigint) AS r
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
      period_(loop, [this] { begin_period(); }), next_(loop, [this] { slice(); })
{
}

void House::begin()
{
    period_.start_every(limits_.period);
}

void House::note_ended(const std::string& task)
{
    fresh_.insert(task);
    if (++ended_ >= limits_.ended && !busy_ && !next_.running()) work();
}

/// In each of them what belonged to runs that are gone, and now and then all tasks: of some runs
/// the engine hears nothing, such as those that are passed over because another one failed.
void House::begin_period()
{
    rest_ = true;
    const auto now = event::Loop::now();
    if (now >= sweep_from_) {
        sweep_from_ = now + limits_.period * periods_of_sweep;
        sweeping_ = true;
        fresh_.merge(callbacks_.tasks());
    }
    work();
}

void House::work()
{
    ended_ = 0;
    tasks_.merge(std::exchange(fresh_, {}));
    if (!busy_ && !next_.running()) slice();
}

/// Runs first, then what belonged to them.
void House::slice()
{
    if (busy_ || !session_.up() || !callbacks_.may_work()) return;
    if (!tasks_.empty() || sweeping_) return slice_of_runs();
    if (rest_) slice_of_rest();
}

void House::slice_of_runs()
{
    std::vector<std::string> names;
    while (!tasks_.empty() && names.size() < names_)
        names.push_back(std::move(tasks_.extract(tasks_.begin()).value()));
    auto queries = run_queries(names);
    write(std::move(queries), [this, names = std::move(names)](const auto* results) {
        bool full = results == nullptr || results->at(0).affected() >= rows_max;
        if (full) tasks_.insert(names.begin(), names.end());
        // A period that begins meanwhile may want a sweep that was not in this slice.
        if (results != nullptr && results->size() > 1) full = swept(results->at(1)[0]) || full;
        return full;
    });
}

/// What belonged to runs that are gone.
void House::slice_of_rest()
{
    rest_ = false;
    auto queries = prune_memory_queries();
    for (const char* sql : {keys_sql, after_sql})
        queries.push_back({sql, {std::to_string(limits_.days), std::to_string(rows_max)}});
    write(std::move(queries), [this](const auto* results) {
        const bool full =
            results == nullptr || std::ranges::any_of(*results, [](const auto& result) {
                return result.affected() >= rows_max;
            });
        rest_ = rest_ || full;
        return full;
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

/// True where there is more of the same tasks.
bool House::swept(const pg::Row& row)
{
    if (row.integer(0) >= static_cast<std::int64_t>(rows_max)) return true;
    swept_ = row.maybe_text(1).value_or("");
    sweeping_ = row.integer(2) == static_cast<std::int64_t>(names_max);
    if (!sweeping_) swept_.clear();
    return false;
}

/// `take` gets nothing where the store refused, as at its end; the next period tries again.
void House::write(std::vector<pg::Query> queries, Took take)
{
    busy_ = true;
    const auto begun = event::Loop::now();
    session_.write(std::move(queries), [this, begun, take](const pg::Outcome& outcome) {
        busy_ = false;
        const auto* done = std::get_if<pg::Committed>(&outcome);
        const bool full = take(done == nullptr ? nullptr : &done->results);
        if (done == nullptr) return callbacks_.on_trouble("old runs: " + pg::describe(outcome));
        go_on(full, event::Loop::now() - begun);
    });
}

/// The engine's work stands behind a slice, so it is to be short, and leaves most of the time.
void House::go_on(bool full, event::Duration took)
{
    names_ = took > slice_max ? std::max(names_ / 2, names_min) : std::min(names_ * 2, names_max);
    if (tasks_.empty() && !sweeping_ && !rest_) {
        if (ended_ >= limits_.ended) work();
        return;
    }
    const auto least = full ? pause_min : pause_max;
    next_.start_in(std::max(took * pause_share, least));
}

} // namespace roleswap::work
