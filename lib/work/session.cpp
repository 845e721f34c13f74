#include "work/session.hpp"
#include "work/migrate.hpp"
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
constexpr auto again_after = 500ms; ///< after a refusal of the store, such as a full disk
constexpr std::string_view result_channel = "roleswap_result";

/// What the engine asks of a table is a few of its rows.  Of a table that is not large yet the
/// planner would read all of them for each batch.  What it thinks of as dear for that is not to be
/// compiled first.
constexpr std::array planner_settings{"SET enable_seqscan = off", "SET random_page_cost = 1.1",
                                      "SET jit = off"};

} // namespace

Session::Session(event::Loop& loop, Who who, std::string conninfo, Callbacks callbacks)
    : who_(std::move(who)), callbacks_(std::move(callbacks)), again_(loop, [this] { came_up(); }),
      connection_(loop, {.conninfo = conninfo, .retry_min = 20ms, .retry_max = 1s},
                  {.on_up = [this] { came_up(); },
                   .on_down = [this](const std::string& why) { went_down(why); },
                   .on_notification =
                       [this](const pg::Notification& notification) {
                           if (up_) woken(notification.channel);
                       }}),
      aside_(loop, {.conninfo = std::move(conninfo)}, {.on_up = [this] {
                 for (const auto* sql : planner_settings)
                     aside_.query({.sql = sql}, [](const pg::Reply&) {});
             }})
{
    connection_.connect();
}

Session::~Session()
{
    for (const auto& [ticket, reply] : std::exchange(replies_, {}))
        reply.failed({VerbError::Code::not_master,
                      "this node ceased to be master before the store answered; ask again"});
}

void Session::woken(const std::string& channel)
{
    if (channel == result_channel) return callbacks_.on_result();
    callbacks_.on_wake();
}

void Session::came_up()
{
    if (claimed_) return claim(); // the schema is known
    migrate(connection_, [this](const std::string& trouble) { migrated(trouble); });
}

void Session::went_down(const std::string& why)
{
    again_.stop();
    if (std::exchange(up_, false)) callbacks_.on_down();
    callbacks_.on_trouble("the store's connection: " + why);
}

void Session::migrated(const std::string& trouble_text)
{
    if (trouble_text.empty()) return claim();
    trouble(trouble_text);
}

void Session::claim()
{
    std::vector<pg::Query> queries{{.sql = "SELECT roleswap.claim_epoch($1, $2)",
                                    .params = {std::to_string(who_.epoch), who_.node}},
                                   {.sql = "LISTEN roleswap_run"},
                                   {.sql = "LISTEN roleswap_result"}};
    for (const auto* sql : planner_settings) queries.push_back({.sql = sql});
    connection_.transaction(std::move(queries), [this](const pg::Outcome& outcome) {
        if (check_superseded(std::get_if<pg::Failed>(&outcome))) return;
        if (!std::holds_alternative<pg::Committed>(outcome)) return trouble(pg::describe(outcome));
        up_ = claimed_ = true;
        callbacks_.on_up();
    });
}

void Session::trouble(const std::string& why)
{
    if (connection_.up()) again_.start_in(again_after); // else coming up does it
    callbacks_.on_trouble("the store: " + why);
}

bool Session::check_superseded(const pg::Failed* failed)
{
    if (failed == nullptr || failed->error.sqlstate() != superseded_sqlstate) return false;
    callbacks_.on_superseded(failed->error.what());
    return true;
}

void Session::reconnect()
{
    if (std::exchange(up_, false)) callbacks_.on_down();
    connection_.close();
    connection_.connect();
}

void Session::retry(const std::string& why)
{
    if (std::exchange(up_, false)) callbacks_.on_down();
    trouble(why);
}

void Session::write(std::vector<pg::Query> queries, pg::Connection::OnOutcome on_outcome)
{
    queries.insert(queries.begin(), {.sql = "SELECT roleswap.check_epoch($1)",
                                     .params = {std::to_string(who_.epoch)}});
    connection_.transaction(std::move(queries),
                            [this, on_outcome = std::move(on_outcome)](pg::Outcome outcome) {
                                if (check_superseded(std::get_if<pg::Failed>(&outcome))) return;
                                if (auto* committed = std::get_if<pg::Committed>(&outcome))
                                    committed->results.erase(committed->results.begin());
                                on_outcome(std::move(outcome));
                            });
}

void Session::write(std::vector<pg::Query> queries, Reply reply, Done done)
{
    const auto ticket = ++tickets_;
    replies_.emplace(ticket, std::move(reply));
    write(std::move(queries), [this, ticket, done = std::move(done)](pg::Outcome outcome) {
        auto* committed = std::get_if<pg::Committed>(&outcome);
        if (committed == nullptr) return answer(ticket, outcome);
        const auto result = done(committed->results);
        if (const auto waiting = take(ticket); waiting.done) waiting.done(result);
    });
}

void Session::tell(const std::string& channel, const std::string& text)
{
    connection_.query({.sql = "SELECT pg_notify($1, $2)", .params = {channel, text}},
                      [](const pg::Reply&) {});
}

void Session::read(pg::Query query, Reply reply, Done done)
{
    read_on(connection_, std::move(query), std::move(reply), std::move(done));
}

void Session::read_aside(pg::Query query, Reply reply, Done done)
{
    aside_.connect();
    read_on(aside_, std::move(query), std::move(reply), std::move(done));
}

void Session::read_on(pg::Connection& connection, pg::Query query, Reply reply, Done done)
{
    const auto ticket = ++tickets_;
    replies_.emplace(ticket, std::move(reply));
    connection.query(std::move(query), [this, ticket, done = std::move(done)](pg::Reply answer) {
        if (check_superseded(std::get_if<pg::Failed>(&answer))) return;
        const auto waiting = take(ticket);
        if (!std::holds_alternative<pg::Result>(answer))
            return waiting.failed({VerbError::Code::failed, "the store: " + pg::describe(answer)});
        std::vector<pg::Result> results;
        results.push_back(std::get<pg::Result>(std::move(answer)));
        waiting.done(done(results));
    });
}

void Session::answer(std::uint64_t ticket, const pg::Outcome& outcome)
{
    const bool doubt = std::holds_alternative<pg::InDoubt>(outcome);
    const auto waiting = take(ticket);
    if (doubt && up_) reconnect();
    waiting.failed({VerbError::Code::failed,
                    fmt::format("the store: {}{}", pg::describe(outcome),
                                doubt ? "; it may be done or not: look, and repeat it if not"
                                      : "; nothing was done")});
}

Reply Session::take(std::uint64_t ticket)
{
    auto node = replies_.extract(ticket);
    return node.empty() ? Reply{} : std::move(node.mapped());
}

} // namespace roleswap::work
