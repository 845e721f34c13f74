#include "world.hpp"
#include <catch2/catch.hpp>

using namespace roleswap;
using nlohmann::json;

namespace {

constexpr const char* runs_of_tick = "SELECT count(*) FROM roleswap.run WHERE task = 'tick' AND "
                                     "state <> 'queued' AND state <> 'skipped'";

/// The answer to a hand-over of this operation: empty when it may go on.
std::string obstacle(Node& node, std::int64_t operation)
{
    std::optional<std::string> answer;
    node.engine.note_hand_over(operation, [&](const std::string& why) { answer = why; });
    until([&] { return answer.has_value(); });
    return *answer;
}

/// A master with a task that is due each second and a run that lasts.
struct Busy {
    Busy()
    {
        node.start(1, database);
        node.call("task_add", task("long", "@yearly", "sleep 1000"));
        node.call("task_run", {{"name", "long"}});
        until([&] { return node.executor.alive() == 1; });
        node.call("task_add", with(task("tick", "every 1s", "true"), "overlap", "queue"));
    }
    Database database;
    Node node{"left"};
};

} // namespace

TEST_CASE("between the parts of a drain nothing is started either", "[work]")
{
    Busy busy;
    auto& node = busy.node;
    CHECK(busy.database.wait_for(std::string("SELECT (") + runs_of_tick + ") > 0", "t") == "t");
    const json part{{"timeout_ms", 1200}, {"again_ms", 60'000}};
    CHECK(node.call("drain", part).at("drained") == false);
    const auto before = busy.database.ask(runs_of_tick);
    CHECK(node.call("task_run", {{"name", "tick"}}).at("state") == "queued");
    CHECK(node.call("drain", part).at("drained") == false);
    CHECK(busy.database.ask(runs_of_tick) == before);
    CHECK(busy.database.ask("SELECT count(*) > 1 FROM roleswap.run WHERE state = 'queued'") == "t");
    // Whose next part does not come is not waited for.
    node.call("drain", {{"timeout_ms", 1}, {"again_ms", 50}});
    CHECK(busy.database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'queued'", "0") ==
          "0");
}

TEST_CASE("from the drain of an operation to its end nothing is started", "[work]")
{
    Busy busy;
    auto& node = busy.node;
    node.call("operation_begin", {{"kind", "swap"}, {"owner_pid", 4242}});
    CHECK(obstacle(node, 1) == "1 runs are not over; wait for them with \"roleswap drain\"");
    CHECK(obstacle(node, 9) == "operation 9 is not open; see \"roleswap operation show\"");
    node.call("queue_hold", {{"all", true}, {"operation", 1}});
    node.call("scheduler_stop", {{"operation", 1}});
    CHECK(node.call("drain", {{"timeout_ms", 50}, {"operation", 1}}).at("drained") == false);
    CHECK_THAT(why_not(node.call("drain")),
               Catch::StartsWith("Refused: nothing is started now, for operation 1 (swap"));
    node.executor.kill(1);
    CHECK(node.call("drain", {{"operation", 1}}).at("drained") == true);
    // A queue that nobody held, as it is new.
    node.call("task_add", with(task("new", "@yearly", "true"), "queue", "fresh"));
    CHECK(node.call("task_run", {{"name", "new"}}).at("state") == "queued");
    CHECK(obstacle(node, 1).empty());
    CHECK(busy.database.ask("SELECT hand_over_epoch FROM roleswap.operation") == "2");
    node.call("operation_end", {{"id", 1}, {"result", "undone"}});
    CHECK(busy.database.wait_for("SELECT state FROM roleswap.run WHERE task = 'new'", "ok") ==
          "ok");
}

TEST_CASE("what an operation took, nobody else gives back while its owner lives", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.owner_lives = true;
    const json begin{{"kind", "swap"}, {"owner_pid", 4242}};
    node.call("operation_begin", begin);
    CHECK_FALSE(node.call("queue_release", {{"all", true}}).contains("error")); // nothing is held
    CHECK_FALSE(node.call("scheduler_start", json::object()).contains("error"));
    node.call("queue_hold", {{"all", true}, {"operation", 1}});
    node.call("scheduler_stop", {{"operation", 1}});
    const auto refused = [&](const std::string& verb, const json& args) {
        const auto why = why_not(node.call(verb, args));
        CHECK_THAT(why, Catch::StartsWith("Refused: operation 1 (swap by tester, since "));
        CHECK_THAT(why,
                   Catch::EndsWith(") is open; wait for its end, or stop process 4242 on left"));
    };
    refused("operation_begin", begin);
    refused("queue_release", {{"all", true}});
    refused("queue_release", {{"name", "default"}, {"operation", 2}});
    refused("scheduler_start", json::object());
    const json end{{"id", 1}, {"result", "abandoned"}};
    refused("operation_end", end);
    CHECK(database.ask("SELECT held FROM roleswap.queue") == "t");
    SECTION("its owner does")
    {
        CHECK_FALSE(node.call("scheduler_start", {{"operation", 1}}).contains("error"));
        CHECK_FALSE(
            node.call("queue_release", {{"all", true}, {"operation", 1}}).contains("error"));
        CHECK(node.call("operation_end", {{"id", 1}, {"result", "undone"}, {"operation", 1}})
                  .at("result") == "undone");
    }
    SECTION("when the owner is gone, anybody ends it")
    {
        node.owner_lives = false;
        CHECK_THAT(why_not(node.call("operation_begin", begin)),
                   Catch::EndsWith("end it first: \"roleswap operation end 1 abandoned\""));
        CHECK(node.call("operation_end", end).at("result") == "abandoned");
        CHECK(database.ask("SELECT held FROM roleswap.queue") == "f");
    }
}
