// A store of an earlier version, with what it holds, under the engine of this one.
#include "work/migrate.hpp"
#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;

namespace {

void bring_to(Database& database, int version, int from = 0)
{
    for (const auto& step : work::migrations()) {
        if (step.version <= from || step.version > version) continue;
        database.ask(std::string(step.sql));
        database.ask(fmt::format("UPDATE roleswap.meta SET version = {}", step.version));
    }
}

void add_task(Database& database, const std::string& name)
{
    database.ask(fmt::format("INSERT INTO roleswap.task (name, definition) VALUES ('{0}', "
                             R"('{{"name": "{0}", "queue": "default", "enabled": true, )"
                             R"("schedule": "@yearly", "kind": "noop"}}'))",
                             name));
}

constexpr const char* all_states =
    "'{queued,running,ok,failed,timeout,killed,interrupted,skipped,held}'::text[]";

} // namespace

TEST_CASE("an upgrade mends times that cannot be counted", "[work]")
{
    Database database;
    bring_to(database, 14);
    add_task(database, "pay");
    for (const char* time : {"infinity", "-infinity"})
        database.ask(fmt::format(
            "INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, not_before) VALUES "
            "('pay', clock_timestamp(), 'enqueued', 'default', 'queued', 1, '{}')",
            time));
    Node next("right");
    next.start(2, database);
    CHECK(database.wait_for("SELECT string_agg(state, ' ' ORDER BY id) FROM roleswap.run",
                            "skipped ok") == "skipped ok");
}

TEST_CASE("an upgrade keeps runs in all states and writes neither table nor index anew", "[work]")
{
    Database database;
    bring_to(database, 15);
    add_task(database, "pay");
    database.ask(fmt::format("INSERT INTO roleswap.run (task, due, queue, state, epoch, node) "
                             "SELECT 'pay', now() + place * interval '1 us', 'default', state, 1, "
                             "'left' FROM unnest({}) WITH ORDINALITY AS s(state, place)",
                             all_states));
    const auto files = "SELECT relname, relfilenode FROM pg_class WHERE relname LIKE 'run%' AND "
                       "relkind IN ('r', 'i') ORDER BY relname";
    const auto before = database.ask(files);
    const auto rows = database.ask("SELECT id, state, over FROM roleswap.run ORDER BY id");
    bring_to(database, 16, 15);
    CHECK(database.ask(files) == before);
    CHECK(database.ask("SELECT id, state, over FROM roleswap.run ORDER BY id") == rows);
    Node next("right");
    next.start(2, database);
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE NOT over", "0") == "0");
    CHECK(database.ask("SELECT string_agg(state, ' ' ORDER BY id) FROM roleswap.run") ==
          "ok ok ok failed timeout killed interrupted skipped held");
}

TEST_CASE("no run gets a state that there is none of, nor one that its row belies", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("queue_hold", {{"name", "default"}});
    const auto put = [&](const char* cause, const char* state) {
        return database.fails_with(
            fmt::format("INSERT INTO roleswap.run (task, due, queue, cause, state, epoch) VALUES "
                        "('pay', clock_timestamp(), 'default', '{}', '{}', 1)",
                        cause, state));
    };
    CHECK(put("due", "lost") == "23514");
    CHECK(put("luck", "queued") == "23514");
    CHECK(put("due", "queued").empty());
    CHECK(database.fails_with("UPDATE roleswap.run SET state = 'lost'") == "23514");
    CHECK(database.fails_with("UPDATE roleswap.run SET state = 'ok'") == "23514");
    CHECK(database.fails_with("UPDATE roleswap.run SET over = true") == "23514");
    CHECK(database.fails_with("UPDATE roleswap.run SET state = 'ok', over = true").empty());
}
