// Server history: what a returning old master had done, and what becomes of it.
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* count_sql =
    "SELECT count(*) FROM roleswap.server_history WHERE state = 'undecided'";

#define HISTORY_FIELDS                                                                             \
    "'id', h.id, 'kind', h.kind, 'node', h.node, 'epoch', h.epoch, 'task', h.task, "               \
    "'due', roleswap.iso(h.due), 'state', h.state, 'found_at', roleswap.iso(h.found_at), "         \
    "'decided_at', roleswap.iso(h.decided_at), 'decided_by', h.decided_by, "                       \
    "'run_state', h.row_data ->> 'state', "                                                        \
    "'ended_at', roleswap.iso((h.row_data ->> 'ended_at')::timestamptz), "                         \
    "'here', (SELECT json_build_object('run', r.id, 'state', r.state, 'node', r.node) "            \
    "FROM roleswap.run AS r WHERE h.kind = 'run' AND r.task = h.task AND r.due = h.due)"

constexpr const char* list_history_sql =
    "SELECT coalesce(json_agg(entry ORDER BY number), '[]') FROM (SELECT h.id AS number, "
    "json_build_object(" HISTORY_FIELDS ") AS entry FROM roleswap.server_history AS h "
    "WHERE ($1 = '' OR h.state = $1) AND ($2 = '' OR h.task = $2) "
    "ORDER BY h.id LIMIT $3::bigint) AS entries";

constexpr const char* show_history_sql =
    "SELECT json_build_object(" HISTORY_FIELDS ", 'row', h.row_data) "
    "FROM roleswap.server_history AS h WHERE h.id = $1";

/// Due times that ran on both nodes: the present master could not know that the old one had run
/// them, so it caught up on them.
constexpr const char* twice_sql =
    "SELECT count(*) FROM roleswap.server_history AS h JOIN roleswap.run AS r USING (task, due) "
    "WHERE h.node = $1 AND h.kind = 'run' AND h.state = 'undecided' "
    "AND r.state NOT IN ('queued', 'skipped', 'interrupted', 'held')";

/// What this node knows of the same tasks, too.
constexpr const char* admit_named_sql = R"(
SELECT roleswap.admit_all(whose => ARRAY(
    SELECT DISTINCT line #>> '{row,task}' FROM jsonb_array_elements($1::jsonb) AS line
    WHERE line ->> 'kind' = 'run')))";

/// Ids of what is chosen by number, by task, or all.
constexpr const char* choice_sql =
    "SELECT id FROM roleswap.server_history WHERE state = 'undecided' "
    "AND ($1 = '' OR id = nullif($1, '')::bigint) AND ($2 = '' OR task = $2)";

std::string number_or_nothing(const Arguments& args)
{
    return args.has("id") ? std::to_string(args.number("id", 1, INT64_MAX)) : "";
}

} // namespace

void Engine::Impl::count_history()
{
    const Reply reply{[this](const json& count) { undecided_ = count.get<std::uint64_t>(); },
                      [](const VerbError&) {}}; // read again with the next session
    session_->read({count_sql}, reply, [](std::vector<pg::Result>& results) -> json {
        return results.at(0)[0].integer(0);
    });
}

void Engine::Impl::history_add(const Call& call)
{
    const Arguments args(call.verb, call.args, {"holder", "lines"});
    const auto holder = args.text("holder", "the name of a node");
    const auto lines = call.args.value("lines", json());
    if (!lines.is_array())
        throw Refusal(VerbError::Code::bad_argument, "lines is no list of {\"kind\",\"row\"}");
    auto done = [this, holder](std::vector<pg::Result>& results) -> json {
        const auto added = results.at(1)[0].integer(0);
        undecided_ = static_cast<std::uint64_t>(results.at(2)[0].integer(0));
        json answer{{"added", added}, {"undecided", undecided_}};
        const auto twice = results.at(3)[0].integer(0);
        if (twice > 0) answer["twice"] = twice;
        return answer;
    };
    const auto text = lines.dump();
    session_->write({{admit_named_sql, {text}},
                     {"SELECT roleswap.add_history($1, $2::jsonb)", {holder, text}},
                     {count_sql},
                     {twice_sql, {holder}}},
                    call.reply, std::move(done));
}

void Engine::Impl::history_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {"state", "task", "limit"});
    std::string state = "undecided";
    if (args.has("state"))
        state = args.choice("state", {"undecided", "accepted", "dismissed", "recorded", "all"});
    const auto task = args.text_or("task", "the name of a task", "");
    const auto limit = args.number_or("limit", 1, 10'000, 1000);
    session_->read(
        {list_history_sql, {state == "all" ? "" : state, task, std::to_string(limit)}}, call.reply,
        [this](std::vector<pg::Result>& results) -> json {
            return {{"history", json::parse(results.at(0)[0].text(0))}, {"undecided", undecided_}};
        });
}

void Engine::Impl::history_show(const Call& call)
{
    const Arguments args(call.verb, call.args, {"id"});
    const auto id = args.number("id", 1, INT64_MAX);
    auto wrapped = found_or_refused(
        call.reply,
        fmt::format("there is no entry {} of the server history; see \"roleswap history list\"",
                    id));
    session_->read({show_history_sql, {std::to_string(id)}}, std::move(wrapped),
                   [](std::vector<pg::Result>& results) -> json {
                       if (results.at(0).empty()) return nullptr;
                       return {{"history", json::parse(results.at(0)[0].text(0))}};
                   });
}

/// One query that finds out nothing and changes nothing where the choice is empty.
void Engine::Impl::set_decision(const Call& call, const std::string& decision)
{
    const Arguments args(call.verb, call.args, {"id", "task", "all"});
    const int ways =
        (args.has("id") ? 1 : 0) + (args.has("task") ? 1 : 0) + (args.flag("all") ? 1 : 0);
    if (ways != 1)
        throw Refusal(VerbError::Code::bad_argument,
                      "name one entry by id, or those of one task, or all");
    const auto id = number_or_nothing(args);
    const auto task = args.text_or("task", "the name of a task", "");
    const auto by = clean_text(call.caller.user);
    const auto choice = fmt::format("ARRAY({})", choice_sql);
    const auto sql =
        decision == "accepted"
            ? fmt::format("SELECT history, run FROM roleswap.accept_history({}, $3, $4::bigint)",
                          choice)
            : fmt::format("UPDATE roleswap.server_history SET state = 'dismissed', decided_at = "
                          "now(), decided_by = $3 WHERE id = ANY ({}) AND $4::bigint > 0 "
                          "RETURNING id, 0",
                          choice);
    auto reply = id.empty() ? call.reply : decided_or_refused(call.reply, id, decision);
    session_->write({{sql, {id, task, by, std::to_string(epoch_)}}, {count_sql}}, std::move(reply),
                    [this, decision, by](std::vector<pg::Result>& results) -> json {
                        return take_decision(results, decision, by);
                    });
}

nlohmann::json Engine::Impl::take_decision(std::vector<pg::Result>& results,
                                           const std::string& decision, const std::string& by)
{
    auto ids = json::array();
    const auto& rows = results.at(0);
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        ids.push_back(rows[i].integer(0));
        const auto run = model_.open.find(rows[i].integer(1)); // it waited here, and is over now
        if (run != model_.open.end() && run->second.place == OpenRun::Place::waiting)
            model_.forget(run->first);
    }
    if (held_runs_->runs() > 0) held_runs_->count();
    look_in_store(); // one that had only been asked for waits here now
    undecided_ = static_cast<std::uint64_t>(results.at(1)[0].integer(0));
    if (!ids.empty())
        note("history_decided",
             fmt::format("{} {} of the server history, {} are undecided", by,
                         fmt::format("{} {}", decision, ids.size()), undecided_));
    return {{decision, ids}, {"undecided", undecided_}};
}

/// One entry that was asked for by its number and not decided: why.
Reply Engine::Impl::decided_or_refused(const Reply& reply, std::string id, std::string decision)
{
    auto done = [reply, id = std::move(id), decision](const json& result) {
        if (!result.at(decision).empty()) return reply.done(result);
        reply.failed(
            {VerbError::Code::refused,
             fmt::format(
                 "entry {} is not undecided, or a run of that task and due time was "
                 "started here: see \"roleswap history show\"; such a one can only be dismissed",
                 id)});
    };
    return {std::move(done), reply.failed};
}

void Engine::Impl::history_accept(const Call& call)
{
    set_decision(call, "accepted");
}

void Engine::Impl::history_dismiss(const Call& call)
{
    set_decision(call, "dismissed");
}

} // namespace roleswap::work
