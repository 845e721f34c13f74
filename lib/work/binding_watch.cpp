#include "work/binding_watch.hpp"
#include "task/error.hpp"
#include <nlohmann/json.hpp>

namespace roleswap::work {
namespace {

using nlohmann::json;

/// Changes with each change of the tasks, and of who runs them.  A queue by its JSON: the store may
/// be of a version that knows no agents.
constexpr const char* stamp_sql = R"(
SELECT (count(*) + coalesce(sum(extract(epoch FROM changed_at) * 1000000), 0)
        + (SELECT 1000003 * count(*) FROM roleswap.queue AS q WHERE to_jsonb(q) ->> 'agent' IS NOT NULL))::bigint
FROM roleswap.task)";

/// Tasks of which a node has no values of its own, those with the same needs together.  What agents
/// run needs nothing here.
constexpr const char* alike_sql = R"(
SELECT min(name), count(*), needs FROM (
    SELECT name, CASE WHEN definition ->> 'kind' = 'noop' THEN '{"kind": "noop"}'::jsonb
                 ELSE jsonb_strip_nulls(jsonb_build_object(
        'argv', CASE WHEN definition -> 'argv' ->> 0 IS NOT NULL
                THEN jsonb_build_array(definition -> 'argv' -> 0) END,
        'command', CASE WHEN definition -> 'argv' ->> 0 IS NULL THEN ':' END,
        'shell', definition -> 'shell', 'user', definition -> 'user', 'group', definition -> 'group',
        'directory', definition -> 'directory', 'needs', definition -> 'needs',
        'groups', definition -> 'groups', 'unit', definition -> 'unit',
        'sandbox', definition -> 'sandbox', 'memory_max', definition -> 'memory_max',
        'cpu_quota', definition -> 'cpu_quota', 'cpu_weight', definition -> 'cpu_weight',
        'io_weight', definition -> 'io_weight', 'tasks_max', definition -> 'tasks_max',
        'environment', CASE WHEN definition -> 'environment' ? 'PATH'
                       THEN jsonb_build_object('PATH', definition -> 'environment' -> 'PATH') END)) END AS needs
    FROM roleswap.task AS t
    WHERE enabled AND coalesce(definition -> 'node', '{}') = '{}'
        AND coalesce(definition ->> 'backup_of', '') = ''
        AND NOT EXISTS (SELECT FROM roleswap.task AS b WHERE b.definition ->> 'backup_of' = t.name)
        AND NOT EXISTS (SELECT FROM roleswap.queue AS q WHERE q.name = t.queue AND to_jsonb(q) ->> 'agent' IS NOT NULL)
) AS plain GROUP BY needs)";

constexpr const char* bound_sql = R"(
SELECT definition FROM roleswap.task AS t
WHERE (coalesce(definition -> 'node', '{}') <> '{}' OR coalesce(definition ->> 'backup_of', '') <> ''
       OR EXISTS (SELECT FROM roleswap.task AS b WHERE b.definition ->> 'backup_of' = t.name))
    AND NOT EXISTS (SELECT FROM roleswap.queue AS q WHERE q.name = t.queue AND to_jsonb(q) ->> 'agent' IS NOT NULL)
ORDER BY name)";

/// Undefined table, no such schema: nothing was ever written into this store.
bool has_no_schema(const pg::Reply& reply)
{
    const auto* failed = std::get_if<pg::Failed>(&reply);
    return failed != nullptr &&
           (failed->error.sqlstate() == "42P01" || failed->error.sqlstate() == "3F000");
}

/// The needs of a task are a task with nothing else in it.
task::Task needs_from(std::string_view text)
{
    auto object = json::parse(text);
    object["name"] = "needs";
    object["schedule"] = "@daily";
    return task::from_json(object);
}

} // namespace

/// What the worker makes of the store's answers.
struct BindingWatch::Reading {
    std::vector<pg::Result> results; ///< empty: `bindings` stay
    Report report;
};

namespace {

/// A definition that cannot be read is told by the engine (task_broken).
template <typename Take> void each_readable(const pg::Result& rows, const Take& take)
{
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        try {
            take(rows[i]);
        } catch (const task::Error&) {
            continue;
        }
    }
}

void fill(Bindings& bindings, const std::vector<pg::Result>& results)
{
    each_readable(results.at(0), [&](const pg::Row& row) {
        bindings.add_alike(std::string(row.text(0)), static_cast<std::uint64_t>(row.integer(1)),
                           needs_from(row.text(2)));
    });
    std::vector<task::Task> bound;
    each_readable(results.at(1), [&](const pg::Row& row) {
        bound.push_back(task::from_json(json::parse(row.text(0))));
    });
    bindings.add_bound(bound);
}

} // namespace

BindingWatch::BindingWatch(event::Loop& loop, Settings settings,
                           std::function<void(const Report&)> on_news)
    : settings_(std::move(settings)), on_news_(std::move(on_news)),
      timer_(loop, [this] { look(); }), connection_(loop,
                                                    {.conninfo = settings_.conninfo,
                                                     .retry_min = std::chrono::seconds(1),
                                                     .retry_max = std::chrono::seconds(10)},
                                                    {.on_up = [this] { look(); }}),
      worker_(loop)
{
}

BindingWatch::~BindingWatch() = default;

void BindingWatch::start()
{
    connection_.connect();
    timer_.start_every(settings_.period);
}

void BindingWatch::look()
{
    if (busy_ || !connection_.up()) return; // coming up, or the next period, looks again
    busy_ = true;
    connection_.query({stamp_sql}, [this](const pg::Reply& reply) { stamped(reply); });
}

void BindingWatch::stamped(const pg::Reply& reply)
{
    const auto* result = std::get_if<pg::Result>(&reply);
    reading_ = std::make_unique<Reading>();
    if (result == nullptr) return give_up(has_no_schema(reply) ? "" : pg::describe(reply));
    const auto stamp = (*result)[0].integer(0);
    if (stamp == stamp_) return judge();
    read(stamp);
}

void BindingWatch::read(std::int64_t stamp)
{
    connection_.transaction({{alike_sql}, {bound_sql}}, [this, stamp](pg::Outcome outcome) {
        take(std::move(outcome), stamp);
    });
}

void BindingWatch::take(pg::Outcome outcome, std::int64_t stamp)
{
    auto* committed = std::get_if<pg::Committed>(&outcome);
    if (committed == nullptr) return give_up(pg::describe(outcome));
    reading_->results = std::move(committed->results);
    bindings_ = std::make_unique<Bindings>(settings_.node, settings_.nodes);
    stamp_ = stamp;
    judge();
}

/// Beside the loop: an account may be asked for over the network.
void BindingWatch::judge()
{
    worker_.run(
        [&bindings = *bindings_, &reading = *reading_] {
            if (!reading.results.empty()) fill(bindings, reading.results);
            reading.report = bindings.judge();
        },
        [this] { judged(); });
}

/// Until the next look nothing else is known.
void BindingWatch::give_up(const std::string& why)
{
    stamp_ = -1;
    reading_->report.trouble = why;
    judged();
}

void BindingWatch::judged()
{
    busy_ = false;
    if (reading_->report == report_) return;
    report_ = std::move(reading_->report);
    on_news_(report_);
}

} // namespace roleswap::work
