#include "cluster.hpp"
#include "pg/connection.hpp"
#include "support/catch_session.hpp"
#include <catch2/catch.hpp>
#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace roleswap;
using namespace std::chrono_literals;

namespace {

struct Server {
    event::Loop loop;
    test::Cluster cluster{loop};
};

Server& server()
{
    static Server instance;
    return instance;
}

/// A connection that waits for each answer.
struct Session {
    explicit Session(pg::Callbacks callbacks = {}, event::Duration retry = 0s)
        : connection(server().loop, {server().cluster.conninfo(), 5s, retry, 200ms},
                     std::move(callbacks))
    {
        connection.connect();
        REQUIRE(test::wait(server().loop, [this] { return connection.up(); }));
    }
    pg::Reply ask(pg::Query query)
    {
        std::optional<pg::Reply> reply;
        connection.query(std::move(query), [&](pg::Reply got) { reply = std::move(got); });
        REQUIRE(test::wait(server().loop, [&] { return reply.has_value(); }));
        return std::move(*reply);
    }
    pg::Outcome commit(std::vector<pg::Query> queries)
    {
        std::optional<pg::Outcome> outcome;
        connection.transaction(std::move(queries),
                               [&](pg::Outcome got) { outcome = std::move(got); });
        REQUIRE(test::wait(server().loop, [&] { return outcome.has_value(); }));
        return std::move(*outcome);
    }
    std::string text(pg::Query query)
    {
        const auto result = pg::value(ask(std::move(query)));
        return std::string(result[0].text(0));
    }
    pg::Connection connection;
};

} // namespace

TEST_CASE("rows come back with types and NULLs")
{
    Session session;
    const auto result = pg::value(session.ask(
        {"select $1::int as n, $2::text, null::int, true, '16/B374D848'::pg_lsn, 0.5::float8",
         {"42", std::nullopt}}));
    REQUIRE(result.rows() == 1);
    const auto row = result[0];
    CHECK(row.integer(result.column("n")) == 42);
    CHECK(row.is_null(1));
    CHECK_FALSE(row.maybe_integer(2));
    CHECK(row.boolean(3));
    CHECK(row.lsn(4) == base::Lsn{0x16B374D848});
    CHECK(row.real(5) == 0.5);
    CHECK_THROWS_AS(row.integer(2), pg::Error);
    CHECK_THROWS_AS(result[1], pg::Error);
    CHECK_THROWS_AS(result.column("m"), pg::Error);
}

TEST_CASE("many queries in flight are answered in order, and one error spoils only its own")
{
    Session session;
    std::vector<std::string> answers;
    for (int i = 0; i < 200; ++i)
        session.connection.query(
            {i == 50 ? "select 1/0" : "select $1::text",
             i == 50 ? std::vector<std::optional<std::string>>{}
                     : std::vector<std::optional<std::string>>{std::to_string(i)}},
            [&](pg::Reply reply) {
                if (const auto* failed = std::get_if<pg::Failed>(&reply))
                    answers.push_back(failed->error.sqlstate());
                else
                    answers.emplace_back(pg::value(std::move(reply))[0].text(0));
            });
    REQUIRE(test::wait(server().loop, [&] { return answers.size() == 200; }));
    for (std::size_t i = 0; i < 200; ++i)
        CHECK(answers[i] == (i == 50 ? "22012" : std::to_string(i)));
}

TEST_CASE("a transaction commits all or nothing and says which query failed")
{
    Session session;
    pg::value(session.ask({"create table if not exists t(id int primary key)"}));
    pg::value(session.ask({"truncate t"}));
    auto good = session.commit({{"insert into t values ($1)", {"1"}},
                                {"insert into t values ($1)", {"2"}},
                                {"select count(*) from t"}});
    REQUIRE(std::holds_alternative<pg::Committed>(good));
    CHECK(std::get<pg::Committed>(good).results.at(2)[0].integer(0) == 2);
    CHECK(std::get<pg::Committed>(good).results.at(0).affected() == 1);

    auto bad = session.commit({{"insert into t values ($1)", {"3"}},
                               {"insert into t values ($1)", {"2"}},
                               {"insert into t values ($1)", {"4"}}});
    REQUIRE(std::holds_alternative<pg::Failed>(bad));
    CHECK(std::get<pg::Failed>(bad).query == 1);
    CHECK(std::get<pg::Failed>(bad).error.sqlstate() == "23505");
    CHECK(session.text({"select count(*) from t"}) == "2");
    CHECK(std::holds_alternative<pg::Committed>(session.commit({{"insert into t values (5)"}})));
}

TEST_CASE("a constraint that fails at commit is a definite failure")
{
    Session session;
    pg::value(session.ask({"drop table if exists d"}));
    pg::value(session.ask({"create table d(id int unique deferrable initially deferred)"}));
    auto bad = session.commit({{"insert into d values (1),(1)"}});
    REQUIRE(std::holds_alternative<pg::Failed>(bad));
    CHECK(std::get<pg::Failed>(bad).query == 1);
    auto single = session.ask({"insert into d values (2),(2)"});
    REQUIRE(std::holds_alternative<pg::Failed>(single));
    CHECK(session.text({"select count(*) from d"}) == "0");
}

TEST_CASE("a statement is prepared on its second use, and again after a reconnect")
{
    int ups = 0;
    Session session({.on_up = [&] { ++ups; }}, 5ms);
    const pg::Query count{"select count(*) from pg_prepared_statements where statement like $1",
                          {"select 7777%"}};
    for (int life = 1; life <= 2; ++life) {
        CHECK(session.text({"select 7777"}) == "7777");
        CHECK(session.text(count) == "0");
        CHECK(session.text({"select 7777"}) == "7777");
        CHECK(session.text({"select 7777"}) == "7777");
        CHECK(session.text(count) == "1");
        session.ask({"select pg_terminate_backend(pg_backend_pid())"});
        REQUIRE(test::wait(server().loop, [&] { return ups == life + 1; }));
    }
}

TEST_CASE("a failed preparation is told to its asker and does not poison the text")
{
    Session session;
    pg::value(session.ask({"drop table if exists late"}));
    for (int i = 0; i < 3; ++i)
        CHECK(std::holds_alternative<pg::Failed>(session.ask({"select * from late"})));
    pg::value(session.ask({"create table late(a int)"}));
    CHECK(std::holds_alternative<pg::Result>(session.ask({"select * from late"})));
    CHECK(std::holds_alternative<pg::Result>(session.ask({"select * from late"})));
    pg::value(session.ask({"alter table late add b int"}));
    session.ask({"select * from late"}); // may be refused: the plan is stale
    CHECK(std::holds_alternative<pg::Result>(session.ask({"select * from late"})));
}

TEST_CASE("a backend that dies in a transaction before its commit is a definite failure")
{
    Session session;
    auto outcome = session.commit({{"select pg_terminate_backend(pg_backend_pid())"}});
    REQUIRE(std::holds_alternative<pg::Failed>(outcome));
    CHECK(std::get<pg::Failed>(outcome).error.sqlstate() == "57P01");
}

TEST_CASE("a connection that ends while a child has not come to its exec is forgotten")
{
    Session session;
    const pid_t child = ::fork(); // has every descriptor, as a task that is being started
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::pause();
        ::_exit(0);
    }
    session.ask({"select pg_terminate_backend(pg_backend_pid())"});
    REQUIRE(test::wait(server().loop, [&] { return !session.connection.up(); }));
    // A source that is gone and still in epoll would end the process here.
    CHECK_FALSE(test::wait(
        server().loop, [] { return false; }, 100ms));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

TEST_CASE("a server killed under a transaction leaves it in doubt, what waits behind it is lost")
{
    int downs = 0;
    Session session({.on_down = [&](const std::string&) { ++downs; }}, 5ms);
    std::optional<pg::Outcome> outcome;
    std::optional<pg::Reply> behind;
    session.connection.transaction({{"select pg_sleep(60)"}},
                                   [&](pg::Outcome got) { outcome = std::move(got); });
    session.connection.query({"select 1"}, [&](pg::Reply got) { behind = std::move(got); });
    Session other;
    REQUIRE(test::wait(server().loop, [&] {
        return other.text({"select count(*) from pg_stat_activity where wait_event='PgSleep'"}) ==
               "1";
    }));
    server().cluster.kill();
    REQUIRE(test::wait(server().loop, [&] { return outcome && behind && downs > 0; }));
    // SIGQUIT to the server: the backend may still say why (57P02), always without a commit.
    CHECK_FALSE(std::holds_alternative<pg::Committed>(*outcome));
    CHECK(std::holds_alternative<pg::Lost>(*behind));
    CHECK(std::holds_alternative<pg::Lost>(session.ask({"select 1"})));
    server().cluster.start();
    REQUIRE(test::wait(server().loop, [&] { return session.connection.up(); }));
    CHECK(session.text({"select 1"}) == "1");
}

TEST_CASE("closing with a sent transaction leaves it in doubt")
{
    Session session;
    std::optional<pg::Outcome> outcome;
    session.connection.transaction({{"select pg_sleep(60)"}},
                                   [&](pg::Outcome got) { outcome = std::move(got); });
    Session other;
    REQUIRE(test::wait(server().loop, [&] {
        return other.text({"select count(*) from pg_stat_activity where wait_event='PgSleep'"}) ==
               "1";
    }));
    session.connection.close();
    REQUIRE(test::wait(server().loop, [&] { return outcome.has_value(); }));
    CHECK(std::holds_alternative<pg::InDoubt>(*outcome));
}

TEST_CASE("a cancelled wait for the standby is in doubt although the server says committed")
{
    Session admin;
    pg::value(admin.ask({"create table if not exists sync_t(a int)"}));
    pg::value(admin.ask({"alter system set synchronous_standby_names = 'nobody'"}));
    pg::value(admin.ask({"select pg_reload_conf()"}));
    pg::value(admin.ask({"checkpoint"}));
    pg::value(admin.ask({"checkpoint"}));
    Session session;
    std::optional<pg::Outcome> outcome;
    session.connection.transaction({{"insert into sync_t values (1)"}},
                                   [&](pg::Outcome got) { outcome = std::move(got); });
    REQUIRE(test::wait(server().loop, [&] {
        return admin.text({"select count(pg_cancel_backend(pid)) from pg_stat_activity where "
                           "wait_event='SyncRep'"}) == "1";
    }));
    REQUIRE(test::wait(server().loop, [&] { return outcome.has_value(); }));
    CHECK(std::holds_alternative<pg::InDoubt>(*outcome));
    pg::value(admin.ask({"alter system reset synchronous_standby_names"}));
    pg::value(admin.ask({"select pg_reload_conf()"}));
}

TEST_CASE("notices and notifications reach their callbacks")
{
    std::vector<std::string> heard;
    Session session(
        {.on_notice = [&](const pg::Notice& notice) { heard.push_back(notice.message); },
         .on_notification =
             [&](const pg::Notification& told) {
                 heard.push_back(told.channel + ":" + told.payload);
             }});
    pg::value(session.ask({"listen here"}));
    pg::value(session.ask({"do $$begin raise warning 'look'; end$$"}));
    Session other;
    pg::value(other.ask({"select pg_notify('here', 'x')"}));
    REQUIRE(test::wait(server().loop, [&] { return heard.size() == 2; }));
    CHECK(heard == std::vector<std::string>{"look", "here:x"});
}

TEST_CASE("a connection may be destroyed inside its own answer")
{
    auto session = std::make_unique<Session>();
    bool answered = false;
    for (int i = 0; i < 3; ++i)
        session->connection.query({"select 1"}, [&](pg::Reply) {
            answered = true;
            session.reset();
        });
    REQUIRE(test::wait(server().loop, [&] { return answered; }));
    CHECK_FALSE(session);
}

TEST_CASE("what cannot connect says why and answers lost")
{
    std::string why;
    pg::Connection connection(server().loop, {"host=/nowhere user=x"},
                              {.on_down = [&](const std::string& text) { why = text; }});
    std::optional<pg::Outcome> outcome;
    connection.connect();
    connection.transaction({{"select 1"}}, [&](pg::Outcome got) { outcome = std::move(got); });
    REQUIRE(test::wait(server().loop, [&] { return outcome && !why.empty(); }));
    CHECK(std::holds_alternative<pg::Lost>(*outcome));
    CHECK(why.find("/nowhere") != std::string::npos);
}

TEST_CASE("quoting")
{
    CHECK(pg::quote_literal("it's") == "'it''s'");
    CHECK(pg::quote_identifier("a\"b") == "\"a\"\"b\"");
}

int main(int argc, char** argv)
{
    server();
    return roleswap::test::run_tests(argc, argv);
}
