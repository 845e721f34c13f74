// What a batch is in SQL, and what the store answers.
#include "work/batch_queries.hpp"
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* insert_sql = R"(
INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, node, batch, started_at, ended_at, why,
                          not_before, priority, held_since, origin, payload, over)
SELECT r.task, r.due, r.cause, r.queue, r.state, $2::bigint, CASE r.state WHEN 'running' THEN $3 END,
       $4::bigint, CASE r.state WHEN 'running' THEN clock_timestamp() END,
       CASE WHEN r.state IN ('skipped', 'interrupted') THEN clock_timestamp() END, r.why, r.not_before,
       r.priority, CASE r.state WHEN 'held' THEN clock_timestamp() END,
       r.origin, CASE WHEN r.origin IS NOT NULL
                 THEN (SELECT o.payload FROM roleswap.run AS o WHERE o.id = r.origin) END,
       r.state NOT IN ('queued', 'running')
FROM jsonb_to_recordset($1::jsonb) AS r(task text, due timestamptz, cause text, queue text,
                                        state text, why text, not_before timestamptz,
                                        priority smallint, origin bigint)
ON CONFLICT (task, due) DO NOTHING
RETURNING id, task, (extract(epoch FROM due) * 1000000)::bigint, state = 'running', over)";

constexpr const char* promote_sql = R"(
UPDATE roleswap.run SET state = 'running', epoch = $2::bigint, node = $3, batch = $4::bigint,
       started_at = clock_timestamp(), ended_at = NULL, not_before = NULL, why = ''
WHERE id = ANY ($1::bigint[]) AND state = 'queued' RETURNING id, payload, origin)";

constexpr const char* give_sql = R"(
UPDATE roleswap.run SET state = 'running', epoch = $3::bigint, node = g.agent, agent = g.agent,
       taken_by = NULL, kill_asked = false, batch = $4::bigint, started_at = clock_timestamp(),
       ended_at = NULL, not_before = NULL, why = ''
FROM unnest($1::bigint[], $2::text[]) AS g(id, agent)
WHERE run.id = g.id AND run.state = 'queued' RETURNING run.id)";

constexpr const char* delivered_sql = R"(
DELETE FROM roleswap.agent_result AS a USING unnest($1::bigint[], $2::integer[]) AS g(run, attempt)
WHERE a.run = g.run AND a.attempt = g.attempt)";

/// Claim and end in one: there is nothing between them whose end could be unknown.
constexpr const char* noop_sql = R"(
UPDATE roleswap.run SET state = 'ok', over = true, epoch = $2::bigint, node = $3, batch = $4::bigint,
       started_at = n.now, ended_at = n.now, duration_ms = 0, exit_code = 0, not_before = NULL, why = ''
FROM (SELECT clock_timestamp() AS now) AS n
WHERE id = ANY ($1::bigint[]) AND state = 'queued')";

constexpr const char* asleep_sql =
    "SELECT setval('roleswap.wake', $1::bigint) FROM roleswap.wake WHERE last_value <> $1::bigint";

/// The ids besides, here and below: by the record set alone the planner may choose to hash all open
/// runs, or all tasks, for a batch of a few.
constexpr const char* end_sql = R"(
UPDATE roleswap.run SET state = e.state, over = e.state NOT IN ('queued', 'running'),
       epoch = $2::bigint, attempt = e.attempt,
       retries_used = e.retries_used, not_before = e.not_before, started_at = e.started_at,
       ended_at = e.ended_at, duration_ms = e.duration_ms, exit_code = e.exit_code,
       signal = e.signal, why = e.why, output_tail = e.output_tail,
       output_bytes = e.output_bytes, cpu_ms = e.cpu_ms, peak_memory_kib = e.peak_memory_kib,
       read_bytes = e.read_bytes, written_bytes = e.written_bytes,
       agent = CASE WHEN e.state <> 'queued' THEN run.agent END, taken_by = NULL, kill_asked = false
FROM jsonb_to_recordset($1::jsonb) AS e(id bigint, state text, attempt integer,
       retries_used integer, not_before timestamptz, started_at timestamptz, ended_at timestamptz,
       duration_ms bigint, exit_code integer, signal integer, why text, output_tail text,
       output_bytes bigint, cpu_ms bigint, peak_memory_kib bigint, read_bytes bigint,
       written_bytes bigint, late boolean)
WHERE run.id = ANY ($3::bigint[]) AND run.id = e.id
  AND (run.state = 'running' AND (run.epoch = $2::bigint OR run.agent IS NOT NULL)
       OR run.state = 'interrupted' AND e.late))";

/// In the transaction of the ends: no crash comes between an end and the runs that it brings.  One
/// of nothing that was taken out of its queue meanwhile is no end.
constexpr const char* followers_sql = R"(
SELECT * FROM roleswap.bring_followers(ARRAY(
    SELECT f.id FROM unnest($1::bigint[]) AS f(id) WHERE f.id <> ALL ($2::bigint[])
    UNION ALL SELECT id FROM roleswap.run WHERE id = ANY ($1::bigint[]) AND id = ANY ($2::bigint[])
                                                AND state = 'ok')))";

/// After the ends: a token that a function of the memory checks meanwhile sees them.
constexpr const char* void_passes_sql = R"(
DELETE FROM roleswap.memory_pass
WHERE run = ANY ($1::bigint[]))";

constexpr const char* last_due_sql = R"(
UPDATE roleswap.task SET last_due = l.due
FROM jsonb_to_recordset($1::jsonb) AS l(name text, due timestamptz)
WHERE task.name = ANY (ARRAY(SELECT jsonb_array_elements($1::jsonb) ->> 'name')) AND task.name = l.name)";

constexpr const char* setting_sql = R"(
INSERT INTO roleswap.setting (name, value)
SELECT key, value FROM jsonb_each($1::jsonb)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = now())";

constexpr const char* note_sql = R"(
INSERT INTO roleswap.event (node, epoch, what, why)
SELECT $3, $2::bigint, n.what, n.why FROM jsonb_to_recordset($1::jsonb) AS n(what text, why text))";

// Of a batch that is sent again: what the first attempt has done.
constexpr const char* inserted_sql = R"(
SELECT r.id, r.task, (extract(epoch FROM r.due) * 1000000)::bigint, r.state = 'running', r.over
FROM jsonb_to_recordset($1::jsonb) AS w(task text, due timestamptz)
JOIN roleswap.run AS r USING (task, due) WHERE r.epoch = $2::bigint AND r.batch = $3::bigint)";

constexpr const char* given_before_sql = R"(
SELECT id FROM roleswap.run
WHERE id = ANY ($1::bigint[]) AND state = 'running' AND epoch = $2::bigint AND batch = $3::bigint)";

constexpr const char* claimed_sql = R"(
SELECT id, payload, origin FROM roleswap.run
WHERE id = ANY ($1::bigint[]) AND state = 'running' AND epoch = $2::bigint AND batch = $3::bigint)";

const char* state_text(NewRun::State state)
{
    switch (state) {
    case NewRun::State::running:
        return "running";
    case NewRun::State::queued:
        return "queued";
    case NewRun::State::skipped:
        return "skipped";
    case NewRun::State::interrupted:
        return "interrupted";
    case NewRun::State::held:
        return "held";
    }
    return "";
}

json inserts_json(const Batch& batch)
{
    auto rows = json::array();
    for (const auto& run : batch.inserts) {
        rows.push_back({{"task", run.task},
                        {"due", to_text(run.due)},
                        {"cause", run.cause},
                        {"queue", run.queue},
                        {"state", state_text(run.state)},
                        {"why", run.why},
                        {"priority", run.priority},
                        {"not_before", run.not_before ? json(to_text(*run.not_before)) : json()}});
        if (run.origin != 0) rows.back()["origin"] = run.origin;
    }
    return rows;
}

json last_due_json(const Batch& batch)
{
    auto rows = json::array();
    for (const auto& [name, due] : batch.last_due)
        rows.push_back({{"name", name}, {"due", to_text(Instant(due))}});
    return rows;
}

json notes_json(const Batch& batch)
{
    auto rows = json::array();
    for (const auto& note : batch.notes) rows.push_back({{"what", note.what}, {"why", note.why}});
    return rows;
}

std::string array_text(const std::vector<std::int64_t>& numbers)
{
    return fmt::format("{{{}}}", fmt::join(numbers, ","));
}

pg::Query delivered_query(const std::vector<Delivered>& delivered)
{
    std::vector<std::int64_t> runs;
    std::vector<std::int64_t> attempts;
    for (const auto& one : delivered) {
        runs.push_back(one.run);
        attempts.push_back(one.attempt);
    }
    return {delivered_sql, {array_text(runs), array_text(attempts)}};
}

/// Ends first: a run that ends and is claimed again within one batch needs that order.
void add_ends(Plan& plan, const Batch& batch, const Session::Who& who)
{
    const auto epoch = std::to_string(who.epoch);
    if (!batch.delivered.empty()) plan.queries.push_back(delivered_query(batch.delivered));
    if (!batch.noops.empty())
        plan.queries.push_back(
            {noop_sql, {array_text(batch.noops), epoch, who.node, std::to_string(batch.number)}});
    if (batch.ends.empty()) return;
    std::vector<std::int64_t> numbers;
    for (const auto& row : batch.ends) numbers.push_back(row.at("id").get<std::int64_t>());
    const auto ids = array_text(numbers);
    const auto ends = json(batch.ends).dump(-1, ' ', false, json::error_handler_t::replace);
    plan.queries.push_back({end_sql, {ends, epoch, ids}});
    plan.queries.push_back({void_passes_sql, {ids}});
}

void add_gifts(Plan& plan, const Batch& batch, const Session::Who& who, bool sent_before)
{
    if (batch.gifts.empty()) return;
    std::vector<std::int64_t> runs;
    std::vector<std::string> agents;
    for (const auto& gift : batch.gifts) {
        runs.push_back(gift.id);
        agents.push_back(gift.agent);
    }
    const auto ids = array_text(runs);
    const auto epoch = std::to_string(who.epoch);
    const auto number = std::to_string(batch.number);
    // In quotes: an agent may be called null.
    plan.queries.push_back(
        {give_sql, {ids, fmt::format("{{\"{}\"}}", fmt::join(agents, "\",\"")), epoch, number}});
    if (sent_before) plan.queries.push_back({given_before_sql, {ids, epoch, number}});
    plan.places.given = plan.queries.size() - 1;
}

void add_starts(Plan& plan, const Batch& batch, const Session::Who& who, bool sent_before)
{
    const auto epoch = std::to_string(who.epoch);
    const auto number = std::to_string(batch.number);
    if (!batch.inserts.empty()) {
        const auto rows = inserts_json(batch).dump();
        plan.queries.push_back({insert_sql, {rows, epoch, who.node, number}});
        if (sent_before) plan.queries.push_back({inserted_sql, {rows, epoch, number}});
        plan.places.inserted = plan.queries.size() - 1;
    }
    if (!batch.promotes.empty()) {
        const auto ids = array_text(batch.promotes);
        plan.queries.push_back({promote_sql, {ids, epoch, who.node, number}});
        if (sent_before) plan.queries.push_back({claimed_sql, {ids, epoch, number}});
        plan.places.claimed = plan.queries.size() - 1;
    }
}

std::vector<OpenRow> read_inserted(const pg::Result& result)
{
    std::vector<OpenRow> rows;
    for (std::size_t i = 0; i < result.rows(); ++i) {
        const auto row = result[i];
        if (row.boolean(4)) continue; // passed over, or held
        rows.push_back({row.integer(0), std::string(row.text(1)),
                        Instant(std::chrono::microseconds(row.integer(2))), row.boolean(3)});
    }
    return rows;
}

std::vector<Claim> read_claimed(const pg::Result& result)
{
    std::vector<Claim> claims;
    claims.reserve(result.rows());
    for (std::size_t i = 0; i < result.rows(); ++i) {
        const auto row = result[i];
        claims.push_back({row.integer(0), std::string(row.maybe_text(1).value_or("")),
                          row.maybe_integer(2).value_or(0)});
    }
    return claims;
}

std::vector<OpenRun> read_followers(const pg::Result& result)
{
    std::vector<OpenRun> runs;
    for (std::size_t i = 0; i < result.rows(); ++i) {
        const auto row = result[i];
        auto& run = runs.emplace_back();
        run.id = row.integer(0);
        run.task = row.text(1);
        run.queue = row.text(2);
        run.due = Instant(std::chrono::microseconds(row.integer(3)));
    }
    return runs;
}

} // namespace

Plan plan_of(const Batch& batch, const Session::Who& who, bool sent_before)
{
    const auto epoch = std::to_string(who.epoch);
    Plan plan;
    auto& queries = plan.queries;
    add_ends(plan, batch, who);
    if (!batch.followed.empty()) {
        queries.push_back({followers_sql, {array_text(batch.followed), array_text(batch.noops)}});
        plan.places.followers = queries.size() - 1;
    }
    add_starts(plan, batch, who, sent_before);
    add_gifts(plan, batch, who, sent_before);
    if (!batch.last_due.empty()) queries.push_back({last_due_sql, {last_due_json(batch).dump()}});
    if (!batch.settings.empty()) queries.push_back({setting_sql, {json(batch.settings).dump()}});
    if (!batch.notes.empty())
        queries.push_back({note_sql, {notes_json(batch).dump(), epoch, who.node}});
    if (batch.asleep) queries.push_back({asleep_sql, {*batch.asleep ? "1" : "0"}});
    return plan;
}

Written read_written(const Places& places, const std::vector<pg::Result>& results)
{
    Written written;
    if (places.followers) written.followers = read_followers(results.at(*places.followers));
    if (places.inserted) written.inserted = read_inserted(results.at(*places.inserted));
    if (places.claimed) written.claimed = read_claimed(results.at(*places.claimed));
    if (!places.given) return written;
    const auto& given = results.at(*places.given);
    for (std::size_t i = 0; i < given.rows(); ++i) written.given.push_back(given[i].integer(0));
    return written;
}

std::string to_text(Instant time)
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       (time - seconds).count());
}

} // namespace roleswap::work
