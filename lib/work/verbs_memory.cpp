// Memory of runs: verbs for tasks, which show the token of their run, and for operators.
#include "work/engine_impl.hpp"
#include "work/token.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

// As in roleswap.memory_item and roleswap.memory_value.
constexpr std::size_t item_bytes_max = 2048;
constexpr std::size_t key_bytes_max = 256;
constexpr std::size_t value_bytes_max = 65536;

constexpr const char* seen_sql = R"(
SELECT json_agg(coalesce(roleswap.memory_state(m.state, m.attempt, $2::integer), 'never') ORDER BY g.place)
FROM jsonb_array_elements_text($3::jsonb) WITH ORDINALITY AS g(item, place)
LEFT JOIN roleswap.memory_item AS m ON m.run = $1::bigint AND m.item = g.item COLLATE "C")";

constexpr const char* get_sql =
    "SELECT value FROM roleswap.memory_value WHERE run = $1 AND key = $2";

constexpr const char* set_sql = R"(
INSERT INTO roleswap.memory_value (run, key, value) VALUES ($1, $2, $3)
ON CONFLICT (run, key) DO UPDATE SET value = excluded.value, changed_at = now())";

constexpr const char* unset_sql =
    "DELETE FROM roleswap.memory_value WHERE run = $1 AND key = $2 AND $3::text IS NULL";

/// Null where there is neither such a run nor memory of it.
constexpr const char* memory_list_sql = R"(
WITH present AS (SELECT (SELECT attempt FROM roleswap.run WHERE id = $1::bigint AND state = 'running') AS attempt),
told AS (
    SELECT i.*, roleswap.memory_state(i.state, i.attempt, p.attempt) AS told
    FROM roleswap.memory_item AS i, present AS p WHERE i.run = $1::bigint
), chosen AS (
    SELECT * FROM told WHERE $2 = '' OR told = $2 OR ($2 = 'doubtful' AND (told IN ('in doubt', 'skipped') OR doubts > 0))
    ORDER BY item LIMIT $3::bigint
)
SELECT json_build_object('run', $1::bigint,
    'items', (SELECT coalesce(json_agg(json_build_object('item', item, 'state', told, 'attempt', attempt,
        'node', node, 'doubts', doubts, 'begun_at', roleswap.iso(begun_at),
        'done_at', roleswap.iso(done_at)) ORDER BY item), '[]') FROM chosen),
    'values', (SELECT coalesce(json_agg(json_build_object('key', key, 'value', value) ORDER BY key), '[]')
        FROM roleswap.memory_value WHERE run = $1::bigint),
    'memory', roleswap.memory_report($1::bigint, present.attempt))
FROM present WHERE EXISTS (SELECT FROM roleswap.run WHERE id = $1::bigint) OR EXISTS (SELECT FROM told))";

constexpr const char* resolve_sql = R"(
SELECT roleswap.memory_resolve($1::bigint,
    (SELECT attempt FROM roleswap.run WHERE id = $1::bigint AND state = 'running'), $2, $3))";

/// A text that the store takes as an item or a key.
void check_text(const std::string& text, const char* what, std::size_t most)
{
    if (text.empty() || text.size() > most)
        throw Refusal(VerbError::Code::bad_argument,
                      fmt::format("{} has {} bytes; allowed are 1 to {}{}", what, text.size(), most,
                                  text.empty() ? "" : ": \"" + text.substr(0, 40) + "...\""));
}

std::vector<std::string> items_of(const Arguments& args, const char* name)
{
    auto items = args.texts(name, "a list of items");
    if (items.size() > marks_max)
        throw Refusal(
            VerbError::Code::bad_argument,
            fmt::format("{} has {} items; at most {} go into one call: give them in parts", name,
                        items.size(), marks_max));
    for (const auto& item : items) check_text(item, "an item", item_bytes_max);
    return items;
}

void add_marks(MarkOrder& order, const OpenRun& run, const std::string& mark,
               const std::vector<std::string>& items)
{
    for (const auto& item : items) order.marks.push_back({run.id, run.attempt, mark, item});
}

json first_text(std::vector<pg::Result>& results)
{
    const auto& result = results.at(0);
    return result.empty() || result[0].is_null(0) ? json(nullptr) : json::parse(result[0].text(0));
}

} // namespace

/// The run whose token is shown: it has a process here, in this attempt and epoch.
const OpenRun& Engine::Impl::bearer(const Arguments& args) const
{
    const auto id = args.number("run", 1, INT64_MAX);
    const auto token = args.text("token", "the token of the run, as in ROLESWAP_TOKEN");
    const auto found = model_.open.find(id);
    if (found == model_.open.end() || found->second.place != OpenRun::Place::alive)
        throw Refusal(VerbError::Code::refused,
                      fmt::format("run {} is not running on {}: only a run that is running has "
                                  "access to its memory",
                                  id, settings_.node));
    const auto& run = found->second;
    if (!same_token(token, make_token(memory_secret_, {id, run.attempt, epoch_})))
        throw Refusal(VerbError::Code::denied,
                      fmt::format("this is not the token of attempt {} of run {} under epoch {}: a "
                                  "takeover and a further attempt make a token void",
                                  run.attempt, id, epoch_));
    return run;
}

/// Items that were done or failed go with the next ones: one commit for both.
void Engine::Impl::memory_begin(const Call& call)
{
    const Arguments args(call.verb, call.args,
                         {"run", "token", "items", "in_doubt", "done", "failed"});
    const auto& run = bearer(args);
    const auto policy =
        args.has("in_doubt") ? args.choice("in_doubt", {"redo", "skip", "hold"}) : "hold";
    MarkOrder order{.reply = call.reply};
    add_marks(order, run, "done", items_of(args, "done"));
    add_marks(order, run, "failed", items_of(args, "failed"));
    order.told = order.marks.size();
    add_marks(order, run, "begin_" + policy, items_of(args, "items"));
    if (order.marks.empty()) return call.reply.done({{"states", json::array()}});
    marks_->add(std::move(order));
}

void Engine::Impl::memory_done(const Call& call)
{
    const Arguments args(call.verb, call.args, {"run", "token", "items", "failed"});
    const auto& run = bearer(args);
    MarkOrder order{.reply = call.reply};
    add_marks(order, run, args.flag("failed") ? "failed" : "done", items_of(args, "items"));
    if (order.marks.empty()) return call.reply.done({{"states", json::array()}});
    marks_->add(std::move(order));
}

void Engine::Impl::memory_seen(const Call& call)
{
    const Arguments args(call.verb, call.args, {"run", "token", "items"});
    const auto& run = bearer(args);
    const auto items = items_of(args, "items");
    session_->read(
        {seen_sql, {std::to_string(run.id), std::to_string(run.attempt), json(items).dump()}},
        call.reply, [](std::vector<pg::Result>& results) -> json {
            auto states = first_text(results);
            return {{"states", states.is_null() ? json::array() : states}};
        });
}

void Engine::Impl::memory_get(const Call& call)
{
    const Arguments args(call.verb, call.args, {"run", "token", "key"});
    const auto& run = bearer(args);
    const auto key = args.text("key", "the name of a value");
    check_text(key, "a key", key_bytes_max);
    session_->read(
        {get_sql, {std::to_string(run.id), key}}, call.reply,
        [](std::vector<pg::Result>& results) -> json {
            const auto& found = results.at(0);
            return {{"value", found.empty() ? json(nullptr) : json(std::string(found[0].text(0)))}};
        });
}

void Engine::Impl::memory_set(const Call& call)
{
    const Arguments args(call.verb, call.args, {"run", "token", "key", "value"});
    const auto& run = bearer(args);
    const auto key = args.text("key", "the name of a value");
    check_text(key, "a key", key_bytes_max);
    std::optional<std::string> value;
    if (args.has("value")) value = args.text("value", "a text, or null");
    if (value && !value->empty()) check_text(*value, "a value", value_bytes_max);
    session_->write({{value ? set_sql : unset_sql, {std::to_string(run.id), key, value}}},
                    call.reply, [](std::vector<pg::Result>&) -> json { return json::object(); });
}

void Engine::Impl::list_memory(const Call& call, const Arguments& args, std::int64_t run)
{
    std::string state;
    if (args.has("state"))
        state =
            args.choice("state", {"begun", "done", "failed", "skipped", "in doubt", "doubtful"});
    const auto limit = args.number_or("limit", 1, 100'000, 1000);
    auto wrapped = found_or_refused(
        call.reply, fmt::format("there is no run {}; see \"roleswap run list\"", run));
    session_->read({memory_list_sql, {std::to_string(run), state, std::to_string(limit)}},
                   std::move(wrapped), first_text);
}

void Engine::Impl::memory_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {"run", "token", "state", "limit"});
    list_memory(call, args, bearer(args).id);
}

void Engine::Impl::memory_show(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id", "state", "limit"});
    list_memory(call, args, args.number("id", 1, INT64_MAX));
}

/// What hinders an operator's decision is known only from the answer, which is no failure.
void Engine::Impl::memory_resolve(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id", "item", "decision"});
    const auto id = args.number("id", 1, INT64_MAX);
    const auto item = args.text("item", "the text of an item");
    check_text(item, "an item", item_bytes_max);
    const auto decision = args.choice("decision", {"done", "redo"});
    const auto told = fmt::format("item \"{}\" of run {}", item, id);
    const auto user = call.caller.user;
    auto done = [this, reply = call.reply, told, id, decision, user](const json& hindrance) {
        if (hindrance == "never")
            return reply.failed(
                {VerbError::Code::not_found,
                 fmt::format("{} was never begun; see \"roleswap memory list {}\"", told, id)});
        if (hindrance != "")
            return reply.failed(
                {VerbError::Code::refused,
                 fmt::format("{} is {}; only what is in doubt, skipped or failed is decided", told,
                             hindrance == "begun" ? "being worked on" : "done")});
        note("memory_resolved",
             fmt::format("{}: {}, by {}", told,
                         decision == "done" ? "it is done" : "to be done again", user));
        reply.done({{"decision", decision}});
    };
    session_->write({{resolve_sql, {std::to_string(id), item, decision}}},
                    {std::move(done), call.reply.failed},
                    [](std::vector<pg::Result>& results) -> json {
                        return std::string(results.at(0)[0].text(0));
                    });
}

} // namespace roleswap::work
