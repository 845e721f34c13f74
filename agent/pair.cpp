#include "pair.hpp"
#include "version.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::agent {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto beat_period =
    10s; ///< backs up the notifications, and proves that commits get through
constexpr auto answer_limit = 10s;  ///< of the store; then perhaps another node is master
constexpr auto connect_limit = 4s;  ///< of one round through the addresses
constexpr auto again_after = 500ms; ///< after a refusal
constexpr auto tell_period = 60s;   ///< between two words that there is no session

} // namespace

Pair::Pair(event::Loop& loop, const Config& config, Spool& spool, const Journal& journal)
    : config_(config), spool_(spool), journal_(journal),
      beat_(loop, [this] { take(Which::fresh); }),
      answer_limit_(
          loop, [this] { begin_anew(fmt::format("no answer within {} s", answer_limit.count())); }),
      again_(loop, [this] { connection_.connect(); }),
      connection_(loop,
                  {.conninfo = conninfo(config, 0),
                   .connect_timeout = connect_limit,
                   .retry_min = 50ms,
                   .retry_max = 1s},
                  {.on_up = [this] { came_up(); },
                   .on_down = [this](const std::string& why) { went_down(why); },
                   .on_notice = {},
                   .on_notification =
                       [this](const pg::Notification& notification) {
                           if (ready_ && notification.payload == config_.name) take(Which::fresh);
                       }})
{
}

void Pair::begin(Callbacks callbacks)
{
    callbacks_ = std::move(callbacks);
    connection_.connect();
}

void Pair::came_up()
{
    asked_ = 0;
    ask({"LISTEN roleswap_agent"}, [](const pg::Result&) {});
    ask({"SELECT agent, epoch, node FROM roleswap.agent_hello($1, $2, $3)",
         {spool_.identity(), spool_.process(), std::string(version)}},
        [this](const pg::Result& result) { greeted(result); });
}

/// After each failed attempt too: the next one begins with another address.
void Pair::went_down(const std::string& why)
{
    ready_ = false;
    beat_.stop();
    answer_limit_.stop();
    asked_ = 0;
    first_ = (first_ + 1) % config_.addresses.size();
    connection_.set_conninfo(conninfo(config_, first_));
    lost(why);
}

/// Not at each attempt: a pair that is away for hours must not fill the journal.
void Pair::lost(const std::string& why)
{
    const auto time = event::Loop::now();
    if (told_at_ && time - *told_at_ < tell_period) return;
    told_at_ = time;
    auto line = why;
    std::ranges::replace_if(
        line, [](char letter) { return letter == '\n' || letter == '\t'; }, ' ');
    journal_.tell("disconnected", line);
}

void Pair::begin_anew(const std::string& why)
{
    connection_.close();
    went_down(why);
    again_.start_in(again_after);
}

void Pair::ask(pg::Query query, std::function<void(const pg::Result&)> done)
{
    if (asked_++ == 0) answer_limit_.start_in(answer_limit);
    connection_.query(std::move(query), [this, done = std::move(done)](pg::Reply reply) {
        if (!connection_.up()) return; // `went_down` does what is to be done
        if (--asked_ == 0)
            answer_limit_.stop();
        else
            answer_limit_.start_in(answer_limit);
        if (const auto* result = std::get_if<pg::Result>(&reply)) return done(*result);
        begin_anew(pg::describe(reply));
    });
}

void Pair::greeted(const pg::Result& result)
{
    epoch_ = static_cast<std::uint64_t>(result[0].integer(1));
    master_ = result[0].text(2);
    if (epoch_ < spool_.epoch()) {
        journal_.tell(
            "old_master",
            fmt::format("{} is master of epoch {}, but {} was seen before: it is asked again "
                        "later",
                        master_, epoch_, spool_.epoch()));
        return begin_anew(fmt::format("{} is an old master", master_));
    }
    if (epoch_ == spool_.epoch()) return accepted();
    spool_.saw(epoch_, [this, seen = epoch_](const std::string& trouble) {
        if (!trouble.empty()) journal_.tell("spool_trouble", trouble);
        if (connection_.up() && seen == epoch_ && !ready_) accepted();
    });
}

void Pair::accepted()
{
    ready_ = true;
    told_at_.reset();
    journal_.tell("connected", fmt::format("master is {}, epoch {}", master_, epoch_));
    beat_.start_every(beat_period);
    ask({"SELECT roleswap.agent_wake()"}, [](const pg::Result&) {});
    take(Which::all);
    callbacks_.on_ready();
}

void Pair::take(Which which)
{
    ask({"SELECT run, attempt, task, due_us, kill, definition, payload FROM "
         "roleswap.agent_take($1, "
         "$2)",
         {std::to_string(epoch_), which == Which::all ? "true" : "false"}},
        [this](const pg::Result& result) { taken(result); });
}

/// Committed on both nodes: only now may one of them have a process.
void Pair::taken(const pg::Result& result)
{
    std::vector<Given> all;
    for (std::size_t i = 0; i < result.rows(); ++i) {
        const auto row = result[i];
        all.push_back(
            {.key = {row.integer(0), row.integer(1)},
             .task = std::string(row.text(2)),
             .due_us = row.integer(3),
             .kill = row.boolean(4),
             .definition = json::parse(row.maybe_text(5).value_or("null"), nullptr, false),
             .payload = std::string(row.maybe_text(6).value_or(""))});
    }
    if (!all.empty()) callbacks_.on_given(std::move(all));
}

void Pair::deliver(const std::vector<Finished>& finished)
{
    auto list = json::array();
    for (const auto& one : finished)
        list.push_back(
            {{"run", one.key.run}, {"attempt", one.key.attempt}, {"result", one.result}});
    ask({"SELECT run, attempt, kept FROM roleswap.agent_finish($1, $2)",
         {std::to_string(epoch_), list.dump(-1, ' ', false, json::error_handler_t::replace)}},
        [this](const pg::Result& result) { delivered(result); });
}

/// The engine is woken after the commit, not in it.
void Pair::delivered(const pg::Result& result)
{
    std::vector<Key> all;
    std::vector<Key> kept;
    for (std::size_t i = 0; i < result.rows(); ++i) {
        all.push_back({result[i].integer(0), result[i].integer(1)});
        if (result[i].boolean(2)) kept.push_back(all.back());
    }
    ask({"SELECT roleswap.agent_wake()"}, [](const pg::Result&) {});
    callbacks_.on_delivered(all, kept);
}

} // namespace roleswap::agent
