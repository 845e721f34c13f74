// Runs that are held after an outage: looked at, released, dropped, taken back.
#include "base/glob.hpp"
#include "work/engine_impl.hpp"
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using nlohmann::json;

constexpr const char* pattern_rule =
    "a list of names of tasks, in which * stands for any text and ? for one character";

#define HELD "held_since IS NOT NULL AND state = 'held' AND ($1 = '' OR task ~ $1)"

constexpr const char* held_list_sql = R"(
SELECT coalesce(json_agg(json_build_object('id', id, 'task', task, 'due', roleswap.iso(due), 'queue', queue,
    'priority', priority, 'held_since', roleswap.iso(held_since), 'released_at', roleswap.iso(released_at),
    'why', why) ORDER BY task, due), '[]'),
    (SELECT count(*) FROM roleswap.run WHERE )" HELD R"()
FROM (SELECT * FROM roleswap.run WHERE )" HELD R"( ORDER BY task, due LIMIT $2::bigint) AS rows)";

constexpr const char* release_sql =
    "UPDATE roleswap.run SET released_at = coalesce(released_at, now()) WHERE " HELD;
constexpr const char* keep_sql =
    "UPDATE roleswap.run SET released_at = NULL WHERE released_at IS NOT NULL AND " HELD;
constexpr const char* drop_sql =
    "UPDATE roleswap.run SET state = 'skipped', ended_at = now(), held_since = NULL, "
    "released_at = NULL, epoch = $2::bigint, why = $3 WHERE " HELD;
constexpr const char* rate_sql =
    "INSERT INTO roleswap.setting (name, value) SELECT 'release', $2::jsonb "
    "WHERE EXISTS (SELECT FROM roleswap.run WHERE " HELD ") "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = now()";

std::string regex_of(const std::vector<std::string>& patterns)
{
    std::string regex;
    for (const auto& pattern : patterns) {
        if (!base::is_name_pattern(pattern))
            throw Refusal(VerbError::Code::bad_argument,
                          fmt::format("the pattern is \"{}\"; allowed: letters, digits, dot, dash, "
                                      "underscore, and the wildcards * and ?",
                                      clean_text(pattern)));
        regex += (regex.empty() ? "" : "|") + base::regex_of_name_pattern(pattern);
    }
    return regex;
}

} // namespace

/// Patterns as one regular expression; empty: all.
std::string Engine::Impl::held_choice(const Arguments& args)
{
    const auto patterns = args.texts("patterns", pattern_rule);
    if (args.flag("all") == !patterns.empty())
        throw Refusal(VerbError::Code::bad_argument,
                      fmt::format("{}; allowed: either patterns or all = true",
                                  patterns.empty() ? "neither patterns nor all is given"
                                                   : "both patterns and all are given"));
    return regex_of(patterns);
}

void Engine::Impl::held_list(const Call& call)
{
    const Arguments args(call.verb, call.args, {"patterns", "limit"});
    const auto limit = args.number_or("limit", 1, 10'000, 100);
    const auto regex = regex_of(args.texts("patterns", pattern_rule));
    session_->read({held_list_sql, {regex, std::to_string(limit)}}, call.reply,
                   [this](std::vector<pg::Result>& results) -> json {
                       auto answer = held_json();
                       answer["held"] = json::parse(results.at(0)[0].text(0));
                       answer["matching"] = results.at(0)[0].integer(1);
                       return answer;
                   });
}

/// One statement about held runs, and what is left then.
void Engine::Impl::change_held(const Call& call, HeldChange change)
{
    const std::string missing = change.regex.empty() ? "no run is held, or none of this kind"
                                                     : "no such run of a task of that name is held";
    change.by = clean_text(call.caller.user);
    change.queries.push_back(HeldRuns::count_query());
    auto queries = std::move(change.queries);
    session_->write(std::move(queries),
                    found_or_refused(call.reply, missing + "; see \"roleswap held list\""),
                    [this, change](std::vector<pg::Result>& results) -> json {
                        return take_held_change(change, results);
                    });
}

json Engine::Impl::take_held_change(const HeldChange& change,
                                    const std::vector<pg::Result>& results)
{
    const auto count = results.front().affected();
    if (change.rate && count > 0) held_runs_->set_rate(*change.rate);
    held_runs_->take_count(results.back());
    if (count == 0) return nullptr;
    const auto pace = change.rate ? fmt::format(", rate {}", to_string(*change.rate)) : "";
    note(change.event, fmt::format("{} {} {} held runs{}; {} stay held", change.by, change.what,
                                   count, pace, held_runs_->runs() - held_runs_->released()));
    auto answer = held_json();
    answer["changed"] = count;
    return answer;
}

void Engine::Impl::held_release(const Call& call)
{
    const Arguments args(call.verb, call.args, {"patterns", "all", "rate"});
    const auto regex = held_choice(args);
    const auto text = args.text_or("rate", rate_rule, to_string(Rate{}));
    const auto rate = parse_rate(text);
    if (!rate)
        throw Refusal(VerbError::Code::bad_argument,
                      fmt::format("roleswap held release: rate is \"{}\"; allowed: {}",
                                  clean_text(text), rate_rule));
    change_held(call, {.event = "held_released",
                       .what = "released",
                       .regex = regex,
                       .rate = rate,
                       .queries = {{release_sql, {regex}},
                                   {rate_sql, {regex, json{{"rate", to_string(*rate)}}.dump()}}}});
}

void Engine::Impl::held_drop(const Call& call)
{
    const Arguments args(call.verb, call.args, {"patterns", "all"});
    const auto regex = held_choice(args);
    const auto why = clean_text(
        fmt::format("nobody scheduled {}; dropped by {}", outages_.span(), call.caller.user));
    change_held(call, {.event = "held_dropped",
                       .what = "dropped",
                       .regex = regex,
                       .rate = {},
                       .queries = {{drop_sql, {regex, std::to_string(epoch_), why}}}});
}

void Engine::Impl::held_keep(const Call& call)
{
    const Arguments args(call.verb, call.args, {"patterns", "all"});
    const auto regex = held_choice(args);
    change_held(call, {.event = "held_kept",
                       .what = "kept",
                       .regex = regex,
                       .rate = {},
                       .queries = {{keep_sql, {regex}}}});
}

} // namespace roleswap::work
