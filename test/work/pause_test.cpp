#include "world.hpp"
#include <catch2/catch.hpp>

using namespace roleswap;
using nlohmann::json;

namespace {

using namespace std::chrono_literals;

std::string count(Database& database, const std::string& what)
{
    return database.ask("SELECT count(*) FROM roleswap.run WHERE " + what);
}

/// The loop turns for a while in which a task due each second would have come due twice.
void let_time_pass()
{
    const auto begun = event::Loop::now();
    until([&] { return event::Loop::now() - begun > 2100ms; });
}

/// An operation as the runbook of a swap has it; `handed_over` is called in the middle.
void swap(Node& node, const std::function<Node&()>& handed_over)
{
    const auto id = node.call("operation_begin", {{"kind", "swap"}, {"owner_pid", 1}}).at("id");
    node.call("queue_hold",
              {{"all", true}, {"save", true}, {"reason", "planned swap"}, {"operation", id}});
    node.call("scheduler_stop", {{"operation", id}});
    node.call("drain", {{"operation", id}});
    std::string obstacle = "none yet";
    node.engine.note_hand_over(id, [&](const std::string& why) { obstacle = why; });
    until([&] { return obstacle != "none yet"; });
    REQUIRE(obstacle.empty());
    Node& heir = handed_over();
    heir.call("scheduler_start", {{"operation", id}});
    heir.call("queue_release", {{"all", true}, {"restore", true}, {"operation", id}});
    heir.call("operation_end", {{"id", id}, {"result", "done"}, {"operation", id}});
}

} // namespace

TEST_CASE("a pause of everything outlives all that may happen to a pair", "[work][pause]")
{
    Database database;
    Node node("left");
    Node other("right");
    node.start(1, database);
    node.call("task_add", ::task("tick", "every 1s", "true"));
    node.call("queue_set", {{"name", "mine"}});
    node.call("queue_hold", {{"name", "mine"}, {"reason", "broken printer"}});
    CHECK(database.wait_for("SELECT count(*) > 0 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    CHECK(node.call("pause_all", {{"reason", "power work"}}).at("paused").at("by") == "tester");
    const auto runs = database.wait_for("SELECT count(*) FROM roleswap.run WHERE NOT over", "0");
    const auto before = count(database, "true");
    const auto paused = [&](Node& here) {
        let_time_pass();
        CHECK(count(database, "true") == before);
        CHECK(here.engine.status_part().at("paused").at("reason") == "power work");
        CHECK_THAT(why_not(here.call("pause_all")),
                   Catch::StartsWith("Refused: it is paused already, since 2"));
        CHECK_THAT(here.call("task_next", {{"name", "tick"}}).at("why").get<std::string>(),
                   Catch::StartsWith("everything is paused since"));
    };
    paused(node);

    SECTION("a restart of the daemon, and a takeover")
    {
        node.kill();
        node.start(1, database);
        paused(node);
        node.kill();
        other.start(2, database);
        paused(other);
    }
    SECTION("a swap, with the holds that it makes and takes back")
    {
        swap(node, [&]() -> Node& {
            node.kill();
            other.start(2, database);
            return other;
        });
        paused(other);
    }
    SECTION("a boot of both hosts: tasks with @reboot wait, too")
    {
        node.call("task_add", ::task("boot", "@reboot", "true"));
        node.kill();
        database.ask("UPDATE roleswap.setting SET value = '{\"number\": 1, \"ids\": [\"other\"]}' "
                     "WHERE name = 'pair_boot'");
        other.start(2, database);
        CHECK(database.wait_for("SELECT state FROM roleswap.run WHERE task = 'boot'", "queued") ==
              "queued");
        database.ask("DELETE FROM roleswap.run WHERE task = 'boot'");
        other.kill();
        other.start(4, database);
        paused(other);
    }
    SECTION("what is asked for by hand or by an application waits")
    {
        CHECK(node.call("task_run", {{"name", "tick"}}).at("state") == "queued");
        database.ask("SELECT roleswap.enqueue('tick')");
        let_time_pass();
        CHECK(count(database, "state = 'queued'") == "2");
        node.call("resume_all");
        CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE cause IN ('manual', "
                                "'enqueued') AND state = 'ok'",
                                "2") == "2");
    }
    Node& last = node.engine.running() ? node : other;
    if (!last.engine.status_part().at("paused").is_null()) last.call("resume_all");
    CHECK(last.noted("pause_ended"));
    CHECK(database.wait_for("SELECT count(*) > " + before +
                                " + 1 FROM roleswap.run WHERE state = "
                                "'ok'",
                            "t") == "t");
    // Each queue is as it was before.
    CHECK(database.ask("SELECT name, held, reason FROM roleswap.queue ORDER BY name") ==
          "default|f|\nmine|t|broken printer");
}

TEST_CASE("a swap brings back what people hold, saved or not", "[work][pause]")
{
    Database database;
    Node node("left");
    Node other("right");
    node.start(1, database);
    node.call("queue_set", {{"name", "a"}});
    node.call("queue_hold", {{"name", "a"}, {"reason", "mine"}});
    node.call("queue_hold", {{"all", true}, {"save", true}, {"reason", "all mine"}});
    swap(node, [&]() -> Node& {
        node.kill();
        other.start(2, database);
        return other;
    });
    const char* const queues = "SELECT name, held, reason FROM roleswap.queue ORDER BY name";
    CHECK(database.ask(queues) == "a|t|all mine\ndefault|t|all mine");
    other.call("queue_release", {{"all", true}, {"restore", true}});
    CHECK(database.ask(queues) == "a|t|mine\ndefault|f|");
}
