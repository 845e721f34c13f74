#include "world.hpp"
#include <catch2/catch.hpp>
#include <cstdio>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

namespace {

json noop(const std::string& name)
{
    return with({{"task", {{"name", name}, {"schedule", "@yearly"}, {"kind", "noop"}}}}, "overlap",
                "parallel");
}

std::string enqueue_sql(const std::string& name, int count)
{
    return fmt::format("SELECT count(*) FROM roleswap.enqueue_many('{}', "
                       "array_fill(NULL::jsonb, ARRAY[{}]))",
                       name, count);
}

constexpr const char* asleep = "SELECT last_value FROM roleswap.wake"; ///< 1: it is
constexpr const char* not_ok = "SELECT count(*) FROM roleswap.run WHERE state <> 'ok'";

} // namespace

TEST_CASE("a time that cannot be counted is refused and keeps no master from its work", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", noop("pay"));
    database.ask("SET ROLE roleswap_app");
    for (const char* time : {"infinity", "-infinity", "2200-01-01Z", "1969-12-31Z"}) {
        const auto at = fmt::format("not_before => '{}'", time);
        CHECK(database.fails_with(fmt::format("SELECT roleswap.enqueue('pay', {})", at)) ==
              "RS002");
        CHECK(database.fails_with(fmt::format(
                  "SELECT roleswap.enqueue_many('pay', ARRAY['1'::jsonb], {})", at)) == "RS002");
    }
    database.ask("SELECT roleswap.enqueue('pay', not_before => '2199-12-31')");
    database.ask("RESET ROLE");
    CHECK(database.wait_for("SELECT state FROM roleswap.run", "queued") == "queued");
}

TEST_CASE("a key that cannot be is refused", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", noop("pay"));
    for (const char* key : {"''", "repeat('k', 201)"})
        CHECK(database.fails_with(fmt::format("SELECT roleswap.enqueue('pay', key => {})", key)) ==
              "RS002");
    CHECK(database.ask("SELECT count(*) FROM roleswap.all_runs") == "0");
    database.ask("SELECT roleswap.enqueue('pay', key => repeat('k', 200))");
}

TEST_CASE("an application enqueues runs and can do nothing else", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(task("pay", "@yearly", "cat; echo; echo $ROLESWAP_PAYLOAD"),
                               "overlap", "queue"));
    node.call("task_add",
              with(with({{"task", {{"name", "spare"}, {"command", "true"}}}}, "backup_of", "pay"),
                   "backup_on", "right"));
    database.ask("SET ROLE roleswap_app");
    CHECK(database.fails_with("SELECT roleswap.enqueue('spare')") == "RS002");
    const auto id =
        database.ask("SELECT roleswap.enqueue('pay', '{\"sum\": 5}', key => 'order 1')");
    CHECK(database.ask("SELECT roleswap.enqueue('pay', '{\"sum\": 6}', key => 'order 1')") == id);
    CHECK(database.ask("SELECT roleswap.enqueue('pay', key => 'order 2') <> " + id) == "t");
    CHECK(database.fails_with("SELECT roleswap.enqueue('none')") == "RS002");
    CHECK(database.fails_with("SELECT roleswap.enqueue('pay', priority => 101)") == "RS002");
    CHECK(database.fails_with("SELECT roleswap.enqueue('pay', to_jsonb(repeat('x', 65536)))") ==
          "RS002");
    CHECK(database.fails_with("SELECT roleswap.enqueue_many('pay', ARRAY[to_jsonb(repeat('x', "
                              "65536))])") == "RS002");
    CHECK(database.fails_with("SELECT * FROM roleswap.run") == "42501");
    CHECK(database.fails_with("DELETE FROM roleswap.enqueue_key") == "42501");
    CHECK(database.fails_with("SELECT roleswap.claim_epoch(9, 'right')") == "42501");
    CHECK(database.fails_with("SELECT roleswap.queued_runs('{default}', '{}', 9)") == "42501");
    for (const char* sql : {"SELECT * FROM roleswap.request", "SELECT * FROM roleswap.all_runs",
                            "SELECT roleswap.admit_all()", "SELECT roleswap.make_runs('{}')",
                            "SELECT roleswap.admit(1, '{}', 1, 1)"})
        CHECK(database.fails_with(sql) == "42501");
    CHECK(database.fails_with("SELECT roleswap.put_run(9, 'pay', 'default', NULL, 0, NULL)") ==
          "42501");
    database.ask("RESET ROLE");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "2") == "2");
    CHECK(database.ask("SELECT output_tail, cause FROM roleswap.run WHERE id = " + id) ==
          "{\"sum\": 5}\n{\"sum\": 5}\n|enqueued");
}

TEST_CASE("an idle engine is woken by one request, and does not wait for its timer", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", noop("nothing"));
    CHECK(database.wait_for(asleep, "1") == "1");
    for (int i = 0; i < 5; ++i) {
        const auto id = database.ask("SELECT roleswap.enqueue('nothing')");
        const auto begun = event::Loop::now();
        CHECK(database.wait_for("SELECT state FROM roleswap.run WHERE id = " + id, "ok") == "ok");
        CHECK(event::Loop::now() - begun < std::chrono::seconds(2));
    }
}

TEST_CASE("who enqueues behind thousands of waiting runs soon sends no notifications", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", noop("nothing"));
    node.call("queue_hold", {{"name", "default"}});
    database.ask("SELECT count(*) FROM roleswap.enqueue_many('nothing', "
                 "array_fill(NULL::jsonb, ARRAY[5000]))");
    CHECK(database.wait_for(asleep, "1") == "1");
    database.ask("DO $$ BEGIN FOR i IN 1..30 LOOP PERFORM roleswap.enqueue('nothing'); COMMIT; "
                 "END LOOP; END $$");
    CHECK(database.wait_for(asleep, "0") == "0");
    CHECK(database.wait_for(asleep, "1") == "1");
    node.call("queue_release", {{"name", "default"}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE NOT over", "0") == "0");
}

TEST_CASE("runs start by priority, then in the order in which they were asked for", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(task("one", "@yearly", "true"), "overlap", "queue"));
    node.call("queue_hold", {{"name", "default"}});
    for (const char* priority : {"0", "-5", "7", "0"})
        database.ask(fmt::format("SELECT roleswap.enqueue('one', priority => {})", priority));
    database.ask("SELECT roleswap.enqueue('one', not_before => now() + interval '1 h')");
    node.call("queue_release", {{"name", "default"}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "4") == "4");
    CHECK(database.ask("SELECT string_agg(priority::text, ' ' ORDER BY started_at) FROM "
                       "roleswap.run WHERE over") == "7 0 0 -5");
    CHECK(database.ask("SELECT bool_and(a.due < b.due) FROM roleswap.run a, roleswap.run b WHERE "
                       "a.priority = 0 AND b.priority = 0 AND a.started_at < b.started_at") == "t");
    CHECK(database.ask("SELECT state FROM roleswap.run WHERE not_before IS NOT NULL") == "queued");
}

TEST_CASE("a hundred thousand waiting runs are not in memory, and all are done once", "[work]")
{
    Database database;
    Node node("left", [](work::Settings& settings) { settings.keep_runs = 100'000; });
    node.start(1, database);
    node.call("task_add", noop("nothing"));
    node.call("queue_hold", {{"name", "default"}});
    CHECK(database.ask(enqueue_sql("nothing", 100'000)) == "100000");
    const auto queue = [&node] { return node.engine.status_part().at("queues")[0]; };
    until([&] { return queue().at("more") == true; });
    CHECK(queue().at("waiting") <= 12'000);
    const auto begun = event::Loop::now();
    node.call("queue_release", {{"name", "default"}});
    CHECK(database.wait_for(not_ok, "0") == "0");
    const auto seconds = static_cast<double>((event::Loop::now() - begun).count()) / 1e6;
    std::printf("100000 runs of nothing, claimed and ended: %.0f per second\n", 100'000 / seconds);
    CHECK(database.ask("SELECT count(*), count(DISTINCT due), max(attempt) FROM roleswap.run") ==
          "100000|100000|1");
    CHECK(database.ask("SELECT bool_and(node = 'left' AND started_at <= ended_at) FROM "
                       "roleswap.run") == "t");
    until([&] { return queue().at("waiting") == 0 && node.engine.pending_requests() == 0; });
}

TEST_CASE("a task whose runs leave one by one does not hide those of others", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(noop("slow"), "overlap", "queue"));
    node.call("task_add", task("other", "@yearly", "true"));
    node.call("task_add", with(task("long", "@yearly", "exec sleep 1000"), "overlap", "queue"));
    database.ask(enqueue_sql("long", 10'000));
    database.ask(enqueue_sql("slow", 300));
    const auto id = database.ask("SELECT roleswap.enqueue('other')");
    CHECK(database.wait_for("SELECT state FROM roleswap.run WHERE id = " + id, "ok") == "ok");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE task = 'slow' AND over",
                            "300") == "300");
    CHECK(database.ask("SELECT count(*) FROM (SELECT started_at - lag(started_at) OVER (ORDER BY "
                       "due) AS step FROM roleswap.run WHERE task = 'slow') s WHERE step < "
                       "interval '0'") == "0");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE task = 'long' AND state = "
                       "'running'") == "1");
    CHECK(node.call("task_show", {{"name", "long"}}).at("waiting") <= 128);
}

TEST_CASE("a store that is killed among batches of many runs loses none and doubles none", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", noop("nothing"));
    for (int round = 1; round <= 5; ++round) {
        const auto before = database.ask("SELECT count(*) FROM roleswap.run WHERE state = 'ok'");
        database.ask(enqueue_sql("nothing", 10'000));
        const auto some = [&] {
            return database.ask("SELECT count(*) - " + before +
                                " BETWEEN 1 AND 9999 FROM roleswap.run WHERE state = 'ok'") == "t";
        };
        until(some);
        the_cluster().kill();
        the_cluster().start();
        CHECK(database.wait_for(not_ok, "0") == "0");
    }
    CHECK(database.ask("SELECT count(*), max(attempt), count(DISTINCT (task, due)) FROM "
                       "roleswap.run") == "50000|1|50000");
}

TEST_CASE("an engine that is killed among batches: the next one ends what was begun, once",
          "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", noop("nothing"));
    database.ask(enqueue_sql("nothing", 50'000));
    for (core::Epoch epoch = 2; epoch <= 6; ++epoch) {
        const auto before = database.ask("SELECT count(*) FROM roleswap.run WHERE over");
        until([&] {
            return database.ask("SELECT count(*) > " + before + " FROM roleswap.run WHERE over") ==
                   "t";
        });
        node.kill();
        node.start(epoch, database);
    }
    CHECK(database.wait_for(not_ok, "0") == "0");
    CHECK(database.ask("SELECT count(*), count(DISTINCT due) FROM roleswap.run") == "50000|50000");
    // Whose end the killed one had not told is begun again, and said so: a batch or two at a time.
    CHECK(database.ask("SELECT max(attempt) <= 6 AND count(*) FILTER (WHERE attempt > 1) <= 5 * "
                       "4000 FROM roleswap.run") == "t");
}
