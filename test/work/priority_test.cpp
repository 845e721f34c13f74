#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

namespace {

using namespace std::chrono_literals;

constexpr std::size_t known_max = 8000; ///< as roleswap.toml(5) says
const char* const order = "SELECT string_agg(task, ' ' ORDER BY started_at) FROM roleswap.run";

json narrow(const std::string& name, int priority)
{
    return with(
        with(with(::task(name, "@yearly", "sleep 0.05"), "queue", "narrow"), "overlap", "parallel"),
        "priority", priority);
}

json narrow_queue(const Node& node)
{
    const auto queues = node.engine.status_part().at("queues");
    for (const auto& queue : queues)
        if (queue.at("name") == "narrow") return queue;
    return {{"waiting", 0}, {"more", false}};
}

/// One run at a time, none before the test says so.
void make_queue(Node& node)
{
    node.call("queue_set", {{"name", "narrow"}, {"concurrency", 1}});
    node.call("queue_hold", {{"name", "narrow"}});
}

} // namespace

TEST_CASE("the priority of a task decides which of its queue's runs starts next",
          "[work][priority]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    make_queue(node);
    for (const auto& [name, priority] :
         {std::pair("low", -5), std::pair("plain", 0), std::pair("high", 70)}) {
        CHECK_FALSE(node.call("task_add", narrow(name, priority)).contains("error"));
        node.call("task_run", {{"name", name}});
        database.ask(fmt::format("SELECT roleswap.enqueue('{}')", name));
    }
    database.ask("SELECT roleswap.enqueue('low', priority => 100)");
    database.ask("SELECT roleswap.enqueue_many('high', ARRAY[NULL::jsonb], priority => -100)");
    database.ask("SELECT roleswap.enqueue_many('low', ARRAY[NULL::jsonb])");
    CHECK(database.ask("SELECT string_agg(format('%s %s', task, priority), ', ' ORDER BY id) FROM "
                       "roleswap.all_runs") == "low -5, low -5, plain 0, plain 0, high 70, high 70, low "
                                          "100, high -100, low -5");
    SECTION("at once")
    {
        until([&] { return narrow_queue(node).at("waiting") == 9; });
    }
    SECTION("after a restart")
    {
        node.kill();
        node.start(2, database);
    }
    node.call("queue_release", {{"name", "narrow"}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "9") == "9");
    CHECK(database.ask(order) == "low high high plain plain low low low high");
    const auto runs = node.call("run_list", {{"task", "high"}}).at("runs");
    CHECK(runs.at(0).at("priority") == -100);
    CHECK(node.call("run_show", {{"id", runs.at(1).at("id")}}).at("run").at("priority") == 70);
    CHECK(node.call("task_show", {{"name", "high"}}).at("task").at("priority") == 70);
    CHECK_THAT(node.call("task_export").at("toml").get<std::string>(),
               Catch::Contains("priority = 70"));
    CHECK_THAT(
        why_not(node.call("task_add", narrow("x", 101))),
        Catch::StartsWith("BadArgument: roleswap task add: priority = 101; allowed: -100 to 100"));
}

TEST_CASE("a retry keeps the priority of its run", "[work][priority]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    auto object = narrow("high", 9);
    object["task"]["command"] = "test $ROLESWAP_ATTEMPT = 2";
    object["task"]["retries"] = 1;
    object["task"]["retry_delay_ms"] = 0;
    make_queue(node);
    node.call("task_add", object);
    node.call("task_add", narrow("low", 0));
    for (int i = 0; i < 5; ++i) node.call("task_run", {{"name", "low"}});
    node.call("task_run", {{"name", "high"}});
    node.call("queue_release", {{"name", "narrow"}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "6") == "6");
    // One may take the place that the first attempt leaves, before its end is in the store.
    CHECK_THAT(database.ask(order), Catch::StartsWith("high low") || Catch::StartsWith("low high"));
}

TEST_CASE("a run of a high priority starts before thousands that wait already", "[work][priority]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    make_queue(node);
    node.call("task_add", narrow("bulk", 0));
    node.call("task_add", narrow("urgent", 1));
    database.ask("SELECT count(*) FROM roleswap.enqueue_many('bulk', array_fill(NULL::jsonb, "
                 "ARRAY[20000]))");
    until([&] { return narrow_queue(node).at("more") == true; });
    CHECK(narrow_queue(node).at("waiting").get<std::size_t>() <= known_max);
    node.call("queue_release", {{"name", "narrow"}});
    CHECK(database.wait_for("SELECT count(*) > 3 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    const auto started_before = [&](const std::string& id) {
        CHECK(database.wait_for("SELECT started_at IS NOT NULL FROM roleswap.run WHERE id = " + id,
                                "t") == "t");
        return std::stoi(database.ask(
            "SELECT count(*) FROM roleswap.run AS r, roleswap.run AS mine WHERE mine.id = " + id +
            " AND r.task = 'bulk' AND r.started_at BETWEEN mine.due AND mine.started_at"));
    };
    SECTION("asked for by an application")
    {
        CHECK(started_before(database.ask("SELECT roleswap.enqueue('urgent')")) < 40);
        CHECK(started_before(database.ask("SELECT roleswap.enqueue('bulk', priority => 100)")) <
              40);
    }
    SECTION("asked for by hand")
    {
        const auto id = node.call("task_run", {{"name", "urgent"}}).at("id").get<int>();
        CHECK(started_before(std::to_string(id)) < 5);
    }
    CHECK(narrow_queue(node).at("waiting").get<std::size_t>() <= known_max);
    SECTION("found by an index, in its order")
    {
        database.ask("ANALYZE roleswap.run");
        const auto plan = database.ask(
            "EXPLAIN SELECT * FROM roleswap.run WHERE NOT over AND queue = 'narrow' AND state = "
            "'queued' AND (not_before IS NULL OR not_before <= now()) AND task <> ALL ('{}') "
            "ORDER BY priority DESC, due, id LIMIT 256");
        CHECK_THAT(plan, Catch::Contains("run_open") && !Catch::Contains("Sort"));
    }
}

TEST_CASE("runs that wait for tomorrow hide none that may start now", "[work][priority]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    json object{{"task", {{"name", "later"}, {"schedule", "@yearly"}, {"kind", "noop"}}}};
    node.call("task_add", with(object, "overlap", "parallel"));
    database.ask("SELECT count(*) FROM roleswap.enqueue_many('later', array_fill(NULL::jsonb, "
                 "ARRAY[5000]), not_before => now() + interval '1 day')");
    until(
        [&] { return node.engine.status_part().at("queues")[0].at("waiting").get<int>() >= 5000; });
    for (int i = 0; i < 3; ++i) {
        const auto id = database.ask("SELECT roleswap.enqueue('later')");
        const auto begun = event::Loop::now();
        CHECK(database.wait_for("SELECT state FROM roleswap.run WHERE id = " + id, "ok") == "ok");
        CHECK(event::Loop::now() - begun < 2s);
    }
}
