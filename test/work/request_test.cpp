// What applications have asked for and the engine has made no run of yet.
#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

namespace {

constexpr const char* requests = "SELECT count(*) FROM roleswap.request";
constexpr const char* not_over = "SELECT count(*) FROM roleswap.run WHERE NOT over";

/// A queue of which the engine knows enough, and far more requests for it than it takes at a time.
struct Backlog {
    explicit Backlog(int count)
    {
        node.start(1, database);
        node.call("task_add", queued_noop("bulk"));
        node.call("queue_hold", {{"name", "default"}});
        database.ask("SELECT count(*) FROM roleswap.enqueue_many('bulk', "
                     "array_fill(NULL::jsonb, ARRAY[5000]))");
        until([&] {
            return node.engine.status_part().at("queues")[0].at("waiting").get<int>() >= 5000;
        });
        database.ask(fmt::format("SELECT count(roleswap.enqueue('bulk', priority => -1)) FROM "
                                 "generate_series(1, {})",
                                 count));
    }
    /// One that comes after all others.
    std::string last(const std::string& task)
    {
        return database.ask(fmt::format("SELECT roleswap.enqueue('{}', priority => -100)", task));
    }
    bool is_request(const std::string& id)
    {
        return database.ask("SELECT count(*) FROM roleswap.request WHERE id = " + id) == "1";
    }
    json run(const std::string& id)
    {
        return node.call("run_show", {{"id", std::stoll(id)}}).at("run");
    }
    Database database;
    Node node{"left"};
};

} // namespace

TEST_CASE("a request is shown and killed as a run that waits", "[work]")
{
    Backlog at(10'000);
    const auto id = at.last("bulk");
    const auto shown = at.run(id);
    const auto listed = at.node.call("run_list", {{"state", "queued"}, {"limit", 1}});
    const auto again = at.node.call("run_again", {{"id", std::stoll(id)}});
    CHECK(at.is_request(id));
    CHECK(shown.at("state") == "queued");
    CHECK(shown.at("cause") == "enqueued");
    CHECK(shown.at("priority") == -100);
    CHECK(listed.at("runs")[0].at("id") == std::stoll(id));
    CHECK(again.value("error", "") == "Refused");
    CHECK(at.node.call("run_kill", {{"id", std::stoll(id)}}).at("killed") == "waiting");
    CHECK(at.run(id).at("state") == "killed");
    CHECK_FALSE(at.is_request(id));
}

TEST_CASE("requests leave with their task, and what comes too late is passed over", "[work]")
{
    Backlog at(10'000);
    at.node.call("task_add", queued_noop("gone"));
    const auto id = at.last("gone");
    REQUIRE(at.is_request(id));
    at.node.call("task_remove", {{"name", "gone"}});
    CHECK(at.run(id).at("state") == "skipped");
    CHECK(at.run(id).at("why") == "its task was removed");
    // Its transaction began before the task was removed.
    at.database.ask("INSERT INTO roleswap.request (id, task, queue, priority) VALUES "
                    "(nextval('roleswap.run_id_seq'), 'gone', 'default', 100)");
    at.database.ask("SELECT roleswap.enqueue('bulk')");
    CHECK(
        at.database.wait_for("SELECT string_agg(state, ' ') FROM roleswap.run WHERE task = 'gone'",
                             "skipped skipped") == "skipped skipped");
}

TEST_CASE("a backlog of requests that wait keeps those of other queues from nothing", "[work]")
{
    Backlog at(12'000);
    at.node.call("task_add", queued_noop("quick", "other"));
    for (int i = 0; i < 3; ++i) {
        const auto id = at.database.ask("SELECT roleswap.enqueue('quick')");
        CHECK(at.database.wait_for("SELECT state FROM roleswap.run WHERE id = " + id, "ok") ==
              "ok");
    }
    CHECK(at.database.ask("SELECT count(*) > 1000 FROM roleswap.request") == "t");
    const auto urgent = at.database.ask("SELECT roleswap.enqueue('bulk', priority => 100)");
    CHECK(at.database.wait_for("SELECT count(*) FROM roleswap.run WHERE id = " + urgent, "1") ==
          "1");
    CHECK(at.database.ask("SELECT count(*) > 1000 FROM roleswap.request") == "t");
    at.node.call("queue_release", {{"name", "default"}});
    CHECK(at.database.wait_for(requests, "0") == "0");
    CHECK(at.database.wait_for(not_over, "0") == "0");
    CHECK(at.database.ask("SELECT count(*), count(DISTINCT id), min(state) FROM roleswap.run WHERE "
                          "task = 'bulk'") == "17001|17001|ok");
}

TEST_CASE("a queue is removed and history is taken without the requests of all others", "[work]")
{
    Backlog at(10'000);
    at.node.call("task_add", queued_noop("quick", "other"));
    at.node.call("queue_set", {{"name", "left"}, {"concurrency", 1}});
    const auto id = at.last("bulk");
    CHECK(at.node.call("queue_remove", {{"name", "left"}}).at("name") == "left");
    const json row{{"task", "quick"}, {"due", "2026-11-22T12:00:00Z"},
                   {"epoch", 1},      {"state", "ok"},
                   {"attempt", 1},    {"id", 1}};
    const json lines = json::array({{{"kind", "run"}, {"row", row}}});
    CHECK(at.node.call("history_add", {{"holder", "right"}, {"lines", lines}}).at("added") == 1);
    CHECK(at.is_request(id));
    CHECK_THAT(why_not(at.node.call("queue_remove", {{"name", "other"}})),
               Catch::Contains("task \"quick\" has it"));
    CHECK(at.is_request(id));
}

TEST_CASE("history that names the task of a request knows of it", "[work]")
{
    Backlog at(10'000);
    const auto id = at.last("bulk");
    const auto due = at.database.ask("SELECT to_json(roleswap.even(at)) #>> '{}' FROM "
                                     "roleswap.request WHERE id = " +
                                     id);
    const json row{{"task", "bulk"},    {"due", due},   {"epoch", 1},
                   {"state", "queued"}, {"attempt", 1}, {"id", 1}};
    const json lines = json::array({{{"kind", "run"}, {"row", row}}});
    CHECK(at.node.call("history_add", {{"holder", "right"}, {"lines", lines}}).at("added") == 0);
    CHECK_FALSE(at.is_request(id));
}

TEST_CASE("two requests in one microsecond become two runs", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", queued_noop("pay"));
    database.ask("INSERT INTO roleswap.request (id, task, queue, at, priority, payload) SELECT "
                 "nextval('roleswap.run_id_seq'), 'pay', 'default', '2026-01-01', 7, to_jsonb(n) "
                 "FROM generate_series(1, 3) AS n");
    database.ask("SELECT roleswap.enqueue('pay')");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "4") == "4");
    CHECK(database.ask("SELECT count(DISTINCT due), sum(payload::int), sum(priority) FROM "
                       "roleswap.run") == "4|6|21");
}

TEST_CASE("requests that an old master may have run are in doubt like its runs", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", queued_noop("pay"));
    node.kill();
    database.ask("SELECT roleswap.enqueue('pay')");
    node.start(work::Claimed{.epoch = 2, .doubt = 2}, database);
    CHECK(database.ask("SELECT state FROM roleswap.run") == "interrupted");
    database.ask("SELECT roleswap.enqueue('pay')");
    CHECK(database.wait_for("SELECT string_agg(state, ' ' ORDER BY id) FROM roleswap.run",
                            "interrupted ok") == "interrupted ok");
}

TEST_CASE("what is behind many requests is cleared away", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", queued_noop("pay"));
    database.ask("ALTER TABLE roleswap.request SET (autovacuum_enabled = false)");
    for (int i = 0; i < 2; ++i)
        database.ask("SELECT count(roleswap.enqueue('pay')) FROM generate_series(1, 12000)");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "24000") ==
          "24000");
    CHECK(database.wait_for("SELECT vacuum_count > 0 FROM pg_stat_all_tables WHERE relid = "
                            "'roleswap.request'::regclass",
                            "t") == "t");
    CHECK(node.trouble.empty());
}
