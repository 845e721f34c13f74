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

/// A task that is due each second, a queue that is held, and then everything paused.
struct Paused {
    Paused()
    {
        node.start(1, database);
        node.call("task_add", ::task("tick", "every 1s", "true"));
        node.call("queue_set", {{"name", "mine"}});
        node.call("queue_hold", {{"name", "mine"}, {"reason", "broken printer"}});
        CHECK(database.wait_for("SELECT count(*) > 0 FROM roleswap.run WHERE state = 'ok'", "t") ==
              "t");
        CHECK(node.call("pause_all", {{"reason", "power work"}}).at("paused").at("by") == "tester");
        CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE NOT over", "0") == "0");
        before = count(database, "true");
        stays(node);
    }
    void stays(Node& here)
    {
        let_time_pass();
        CHECK(count(database, "true") == before);
        CHECK(here.engine.status_part().at("paused").at("reason") == "power work");
        CHECK_THAT(why_not(here.call("pause_all")),
                   Catch::StartsWith("Refused: it is paused already, since 2"));
        CHECK_THAT(here.call("task_next", {{"name", "tick"}}).at("why").get<std::string>(),
                   Catch::StartsWith("everything is paused since"));
    }
    /// And each queue is as it was before.
    void ends(Node& here)
    {
        here.call("resume_all");
        CHECK(here.noted("pause_ended"));
        CHECK(database.wait_for("SELECT count(*) > " + before +
                                    " + 1 FROM roleswap.run WHERE state = 'ok'",
                                "t") == "t");
        CHECK(database.ask("SELECT name, held, reason FROM roleswap.queue ORDER BY name") ==
              "default|f|\nmine|t|broken printer");
    }
    Database database;
    Node node{"left"};
    Node other{"right"};
    std::string before; ///< runs
};

} // namespace

TEST_CASE("a pause of everything outlives restarts and a takeover", "[work][pause]")
{
    Paused at;
    at.node.kill();
    at.node.start(1, at.database);
    at.stays(at.node);
    at.node.kill();
    at.other.start(2, at.database);
    at.stays(at.other);
    at.ends(at.other);
}

TEST_CASE("a pause of everything outlives a swap with the holds that it makes and takes back",
          "[work][pause]")
{
    Paused at;
    swap(at.node, [&]() -> Node& {
        at.node.kill();
        at.other.start(2, at.database);
        return at.other;
    });
    at.stays(at.other);
    at.ends(at.other);
}

TEST_CASE("a pause of everything outlives a boot of both hosts: tasks with @reboot wait",
          "[work][pause]")
{
    Paused at;
    at.node.call("task_add", ::task("boot", "@reboot", "true"));
    at.node.kill();
    at.database.ask("UPDATE roleswap.setting SET value = '{\"number\": 1, \"ids\": [\"x\"]}' "
                    "WHERE name = 'pair_boot'");
    at.other.start(2, at.database);
    const auto* const boot = "SELECT state FROM roleswap.run WHERE task = 'boot'";
    CHECK(at.database.wait_for(boot, "queued") == "queued");
    at.database.ask("DELETE FROM roleswap.run WHERE task = 'boot'");
    at.other.kill();
    at.other.start(4, at.database);
    at.stays(at.other);
    at.ends(at.other);
}

TEST_CASE("in a pause what is asked for by hand or by an application waits", "[work][pause]")
{
    Paused at;
    CHECK(at.node.call("task_run", {{"name", "tick"}}).at("state") == "queued");
    at.database.ask("SELECT roleswap.enqueue('tick')");
    let_time_pass();
    CHECK(count(at.database, "state = 'queued'") == "2");
    at.ends(at.node);
    CHECK(at.database.wait_for("SELECT count(*) FROM roleswap.run WHERE cause IN ('manual', "
                               "'enqueued') AND state = 'ok'",
                               "2") == "2");
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
