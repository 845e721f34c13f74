#include "world.hpp"
#include <catch2/catch.hpp>

using namespace roleswap;
using nlohmann::json;

namespace {

const char* const all_by_state =
    "SELECT string_agg(format('%s %s %s', task, state, n), ', ' ORDER BY "
    "task, state) FROM (SELECT task, state, count(*) AS n FROM "
    "roleswap.run GROUP BY task, state) AS counts";

/// As a mirror stands that was cut off ten hours ago: tasks due each full hour, one run that ran
/// and one that waited.
void leave_stale(Database& database, Node& node)
{
    node.call("queue_hold", {{"queue", "slow"}, {"reason", "test"}});
    for (const char* policy : {"none", "last", "all"}) {
        auto object = with(task(policy, "0 * * * *", "true"), "catch_up", policy);
        node.call("task_add", with(object, "catch_up_limit", 5));
    }
    node.call("task_add", task("ran", "@yearly", "sleep 60"));
    node.call("task_add", with(task("waited", "@yearly", "true"), "queue", "slow"));
    node.call("task_run", {{"name", "ran"}});
    node.call("task_run", {{"name", "waited"}});
    node.kill();
    database.ask("UPDATE roleswap.queue SET held = false");
    // Off the time of day at which the hour itself is just missed.
    database.ask("UPDATE roleswap.task SET last_due = date_trunc('hour', now()) - interval '10 "
                 "hours' + interval '1 s', definition = jsonb_set(definition, "
                 "'{late_limit_ms}', '1000') WHERE definition ->> 'schedule' = '0 * * * *'");
}

} // namespace

TEST_CASE("what an old master may have run is held after a claim by force", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    leave_stale(database, node);
    const std::string held = "all interrupted 5, last interrupted 1, ran interrupted 1, waited "
                             "interrupted 1";

    node.start(work::Claimed{.epoch = 2, .doubt = 2}, database);
    CHECK(database.wait_for(all_by_state, held) == held);
    CHECK(node.noted("due_times_in_doubt"));
    CHECK(node.noted("runs_in_doubt"));
    CHECK_FALSE(node.noted("runs_freed"));
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE ended_at IS NULL OR why NOT LIKE "
                       "'the old master may have run it; look,%'") == "0");

    SECTION("and stays held when the engine starts again, whatever it knows then")
    {
        node.kill();
        database.ask("UPDATE roleswap.task SET last_due = last_due - interval '10 hours'");
        database.ask("DELETE FROM roleswap.run");
        const auto doubt = GENERATE(core::Epoch{2}, core::Epoch{0});
        node.start(work::Claimed{.epoch = 4, .doubt = doubt}, database);
        const std::string same = "all interrupted 5, last interrupted 1";
        CHECK(database.wait_for(all_by_state, same) == same);
    }
    SECTION("but what begins in this epoch is run again when its master dies")
    {
        node.call("task_run", {{"name", "ran"}});
        node.kill();
        node.start(work::Claimed{.epoch = 4, .doubt = 2}, database);
        CHECK(node.noted("runs_freed"));
    }
    SECTION("and is found anew after another claim by force")
    {
        node.call("task_run", {{"name", "ran"}});
        node.kill();
        node.start(work::Claimed{.epoch = 4, .doubt = 4}, database);
        CHECK_FALSE(node.noted("runs_freed"));
        CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE task = 'ran' AND state = "
                           "'interrupted'") == "2");
    }
}

TEST_CASE("runs that only the store knows are held as well", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    json object{{"task", {{"name", "asked"}, {"schedule", "@yearly"}, {"kind", "noop"}}}};
    node.call("task_add", with(object, "overlap", "parallel"));
    node.call("queue_hold", {{"name", "default"}});
    const std::string waiting = "20000"; // twice what the engine knows
    database.ask("SELECT count(*) FROM roleswap.enqueue_many('asked', array_fill(NULL::jsonb, "
                 "ARRAY[20000]))");
    until([&] { return node.engine.status_part().at("queues")[0].at("more") == true; });
    node.kill();
    node.start(work::Claimed{.epoch = 2, .doubt = 2}, database);
    CHECK(database.ask(all_by_state) == "asked interrupted " + waiting);
    CHECK(node.engine.status_part().at("queues")[0].at("waiting") == 0);
    CHECK(node.engine.status_part().at("queues")[0].at("more") == false);
    node.call("queue_release", {{"name", "default"}});
    database.ask("SELECT roleswap.enqueue('asked')"); // nobody else can have run that
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "1") == "1");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE state = 'interrupted'") == waiting);
}

TEST_CASE("a stopped scheduler does not make the doubt forgotten", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    leave_stale(database, node);
    database.ask("INSERT INTO roleswap.setting (name, value) VALUES ('scheduler', "
                 "'{\"stopped\": true, \"reason\": \"test\"}') ON CONFLICT (name) DO UPDATE SET "
                 "value = excluded.value");
    node.start(work::Claimed{.epoch = 2, .doubt = 2}, database);
    CHECK(database.ask(all_by_state) == "ran interrupted 1, waited interrupted 1");
    node.call("task_add", task("tick", "every 1s", "true"));
    node.call("scheduler_start");
    CHECK(database.wait_for("SELECT count(*) > 0 FROM roleswap.run WHERE task = 'tick' AND state "
                            "= 'ok'",
                            "t") == "t"); // due after the claim: nobody else can have run it
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE task <> 'tick' AND state <> "
                       "'interrupted'") == "0");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE task = 'all'") == "5");
}
