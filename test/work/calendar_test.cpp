#include "task/policy.hpp"
#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

TEST_CASE("task next tells due times by the clock of the zone, and what hinders them", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto at_noon = with(::task("noon", "12-24..31 12:00 Europe/Berlin", "true"), "except",
                              json::array({"12-25..12-30"}));
    node.call("task_add", at_noon);
    const auto next = node.call("task_next", {{"name", "noon"}, {"count", 3}});
    CHECK(next.at("timezone") == "Europe/Berlin");
    CHECK(next.at("why") == "");
    REQUIRE(next.at("next").size() == 3);
    for (const auto& time : next.at("next")) {
        const auto local = time.at("local").get<std::string>();
        CHECK(
            (local.ends_with("-12-24T12:00:00+01:00") || local.ends_with("-12-31T12:00:00+01:00")));
        CHECK(time.at("due").get<std::string>().ends_with("T11:00:00.000Z"));
        CHECK_FALSE(time.contains("start"));
    }
    node.call("queue_hold", {{"name", "default"}, {"reason", "disk"}});
    const auto why = [&](const char* name) {
        return node.call("task_next", {{"name", name}}).at("why").get<std::string>();
    };
    CHECK(why("noon") == "queue default is held (disk): runs wait in it");
    node.call("scheduler_stop", {{"reason", "work"}});
    CHECK(why("noon") == "the scheduler is stopped (work): its start decides by catch_up");
    node.call("task_disable", {{"name", "noon"}});
    CHECK(why("noon") == "the task is disabled: none of these times brings a run");
    json backup{
        {"name", "noon2"}, {"command", "true"}, {"backup_of", "noon"}, {"backup_on", "right"}};
    node.call("task_add", {{"task", backup}});
    CHECK(node.call("task_next", {{"name", "noon2"}}).at("next").empty());
    CHECK(why("noon2") == "it stands in for noon on right and is due with it");
    node.call("task_add", ::task("boot", "@reboot", "true"));
    CHECK(node.call("task_next", {{"name", "boot"}}).at("next").empty());
    CHECK(why("boot") == "@reboot has no due times: it runs once per boot of the pair");
}

TEST_CASE("a run with a jitter starts by its delay and not before, also after a swap", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    auto tick = with(::task("tick", "*:*:*", "true"), "jitter_ms", 3000);
    node.call("task_add", with(tick, "overlap", "parallel"));
    CHECK(database.wait_for("SELECT count(*) >= 1 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    CHECK(database.wait_for("SELECT count(*) >= 2 FROM roleswap.run WHERE state = 'queued'", "t") ==
          "t");
    node.kill();
    Node peer("right");
    peer.start(2, database);
    CHECK(database.wait_for("SELECT count(*) >= 6 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    peer.call("scheduler_stop");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state <> 'ok'", "0") == "0");
    task::Task wanted;
    wanted.name = "tick";
    wanted.jitter = std::chrono::milliseconds(3000);
    const auto runs = json::parse(
        database.ask("SELECT json_agg(json_build_array(extract(epoch FROM due)::bigint, "
                     "(extract(epoch FROM started_at - due) * 1000)::bigint)) FROM roleswap.run"));
    for (const auto& run : runs) {
        const task::Time due{std::chrono::seconds(run[0].get<std::int64_t>())};
        INFO(run.dump());
        CHECK(run[1].get<std::int64_t>() >= task::start_delay(wanted, due).count());
    }
}
