#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <unistd.h>

using namespace roleswap;
using nlohmann::json;

namespace {

json queue_of(const Node& node, const std::string& name)
{
    const auto queues = node.engine.status_part().at("queues");
    for (const auto& queue : queues)
        if (queue.at("name") == name) return queue;
    return nullptr;
}

} // namespace

TEST_CASE("a held queue keeps its runs, through a swap, and starts them in order", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(task("held", "@yearly", "true"), "queue", "nightly"));
    CHECK(node.call("queue_hold", {{"name", "nightly"}, {"reason", "disk work"}}) ==
          json{{"held", {"nightly"}}});
    for (int i = 0; i < 5; ++i) node.call("task_run", {{"name", "held"}});
    CHECK(database.ask("SELECT DISTINCT state FROM roleswap.run") == "queued");
    node.kill();
    Node next("right");
    next.start(2, database);
    const auto queue = queue_of(next, "nightly");
    CHECK(queue.at("held") == true);
    CHECK(queue.at("reason") == "disk work");
    CHECK(queue.at("waiting") == 5);
    CHECK(next.call("queue_release", {{"name", "nightly"}}).at("released") == json{"nightly"});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "5") == "5");
    CHECK(database.ask("SELECT count(*) FROM (SELECT started_at < lag(started_at) OVER (ORDER BY "
                       "due) AS wrong FROM roleswap.run) AS runs WHERE wrong") == "0");
}

TEST_CASE("hold all saves the state of each queue, and restore brings it back", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("queue_set", {{"name", "a"}});
    node.call("queue_set", {{"name", "b"}});
    node.call("queue_hold", {{"name", "a"}, {"reason", "mine"}});
    node.call("queue_hold", {{"all", true}, {"reason", "swap"}, {"save", true}});
    node.call("queue_hold", {{"all", true}, {"reason", "swap again"}, {"save", true}});
    node.kill();
    node.start(2, database);
    CHECK(queue_of(node, "b").at("reason") == "swap again");
    CHECK(node.call("queue_release", {{"all", true}, {"restore", true}}).at("still_held") == 1);
    CHECK(database.ask("SELECT name, held, reason, saved_held FROM roleswap.queue ORDER BY name") ==
          "a|t|mine|\nb|f||\ndefault|f||");
    CHECK(queue_of(node, "a").at("held") == true);
    CHECK(queue_of(node, "b").at("held") == false);
}

TEST_CASE("a hold that says no reason leaves the one that was given", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("queue_hold", {{"name", "default"}, {"reason", "mine"}});
    node.call("queue_hold", {{"name", "default"}});
    CHECK(queue_of(node, "default").at("reason") == "mine");
    node.call("queue_hold", {{"name", "default"}, {"reason", "yours"}});
    CHECK(queue_of(node, "default").at("reason") == "yours");
    node.call("queue_release", {{"name", "default"}});
    node.call("queue_hold", {{"name", "default"}});
    CHECK(queue_of(node, "default").at("reason") == "");
}

TEST_CASE("what a new or changed task lacks here is told in the answer", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto lacks = [](const json& answer) {
        std::string all;
        for (const auto& one : answer.at("unready"))
            all +=
                fmt::format("{}: {}: {}; ", one.at("task").get<std::string>(),
                            one.at("what").get<std::string>(), one.at("value").get<std::string>());
        return all;
    };
    const std::string no_user = "user \"nobody-here\": does not exist on this node; ";
    CHECK(lacks(node.call("task_add", task("a", "@yearly", "true"))).empty());
    const auto bad = with(task("b", "@yearly", "true"), "user", "nobody-here");
    CHECK(lacks(node.call("task_add", bad)) == "b: " + no_user);
    CHECK(lacks(node.call("task_disable", {{"name", "b"}})).empty());
    CHECK(lacks(node.call("task_enable", {{"name", "b"}})) == "b: " + no_user);
    const std::string toml = "[[task]]\nname = 'a'\nschedule = '@daily'\ncommand = 'true'\n"
                             "[[task]]\nname = 'c'\nbackup_of = 'none'\nbackup_on = 'left'\n"
                             "command = 'true'\n[[task]]\nname = 'd'\nschedule = '@daily'\n"
                             "command = 'true'\ngroup = 'none-here'\n";
    CHECK(lacks(node.call("task_apply", {{"toml", toml}})) ==
          "c: backup of \"none\": there is no such task; "
          "d: group \"none-here\": does not exist on this node; ");
    CHECK_FALSE(node.call("task_apply", {{"toml", toml}, {"dry_run", true}}).contains("unready"));
}

TEST_CASE("a queue runs no more at a time than its limit", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("queue_set", {{"name", "narrow"}, {"concurrency", 2}});
    for (int i = 0; i < 6; ++i) {
        const auto name = "n" + std::to_string(i);
        node.call("task_add", with(task(name, "@yearly", "sleep 0.1"), "queue", "narrow"));
    }
    for (int i = 0; i < 6; ++i) node.call("task_run", {{"name", "n" + std::to_string(i)}});
    std::size_t most = 0;
    until([&] {
        most = std::max(most, node.executor.alive());
        return node.engine.pending_requests() == 0 && queue_of(node, "narrow").at("waiting") == 0;
    });
    INFO(database.ask(
        "SELECT id, task, state, why, exit_code, signal, output_tail FROM roleswap.run"));
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE state = 'ok'") == "6");
    CHECK(most == 2);
}

TEST_CASE("a queue goes when nothing needs it any more, and not before", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto why = [&] {
        return node.call("queue_remove", {{"name", "misspelt"}}).value("why", "");
    };
    node.call("queue_set", {{"name", "misspelt"}, {"concurrency", 1}});
    node.call("task_add", with(task("it", "@yearly", "true"), "queue", "misspelt"));
    CHECK_THAT(why(), Catch::Contains("task \"it\" has it"));
    node.call("queue_hold", {{"name", "misspelt"}});
    node.call("task_run", {{"name", "it"}});
    const auto elsewhere = "[[task]]\nname = 'it'\nschedule = '@yearly'\ncommand = 'true'\n";
    node.call("task_apply", {{"toml", elsewhere}});
    CHECK_THAT(why(), Catch::Contains("run 1 is in it and is not over"));
    node.call("run_kill", {{"id", 1}});
    CHECK(node.call("queue_remove", {{"name", "misspelt"}}).at("name") == "misspelt");
    CHECK(node.call("queue_list").at("queues").size() == 1);
    CHECK(database.ask("SELECT string_agg(name, ' ') FROM roleswap.queue") == "default");
}

TEST_CASE("a stopped scheduler makes no run, survives the engine, and then catches up", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("scheduler_stop", {{"reason", "quiet"}});
    node.call("task_add", task("tick", "every 1s", "true"));
    node.kill();
    node.start(2, database);
    CHECK(node.engine.status_part().at("scheduler") ==
          json{{"state", "stopped"}, {"reason", "quiet"}});
    CHECK(node.engine.status_part().at("tasks").at("next") == nullptr);
    CHECK(node.call("task_run", {{"name", "tick"}}).at("state") == "running"); // by hand it goes
    database.ask("UPDATE roleswap.task SET last_due = now() - interval '5 s'");
    node.kill();
    node.start(3, database);
    node.call("scheduler_start");
    CHECK(database.wait_for("SELECT count(*) >= 5 FROM roleswap.run WHERE cause = 'due' AND "
                            "state = 'ok'",
                            "t") == "t");
}

TEST_CASE("drain waits for tasks, moves those that may move, and counts no retry", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(task("move", "@yearly", "sleep 1000"), "on_swap", "move"));
    node.call("task_add", task("wait", "@yearly", "sleep 0.3"));
    node.call("task_add", task("long", "@yearly", "sleep 1000"));
    node.call("task_run", {{"name", "move"}});
    node.call("task_run", {{"name", "wait"}});
    until([&] { return node.executor.alive() == 2; });
    node.call("queue_hold", {{"all", true}, {"save", true}});
    CHECK(node.call("drain") == json{{"drained", true}, {"running", json::array()}});
    CHECK(node.engine.pending_requests() == 0);
    CHECK(
        database.ask("SELECT task, state, attempt, retries_used FROM roleswap.run ORDER BY task") ==
        "move|queued|2|0\nwait|ok|1|0");
    node.kill();
    Node peer("right");
    peer.start(2, database);
    peer.call("queue_release", {{"all", true}, {"restore", true}});
    CHECK(database.wait_for("SELECT state, node FROM roleswap.run WHERE task = 'move'",
                            "running|right") == "running|right");
    peer.call("task_run", {{"name", "long"}});
    const auto answer = peer.call("drain", {{"timeout_ms", 100}});
    CHECK(answer.at("drained") == false);
    CHECK(answer.at("running").size() == 1);
    CHECK(answer.at("running")[0].at("task") == "long");
    peer.kill();
}

TEST_CASE("an operation gives back what it took, however it ends", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto begin = json{{"kind", "swap"}, {"owner_pid", 4242}};
    CHECK(node.call("operation_begin", begin) == json{{"id", 1}});
    const auto late = [&](std::int64_t id) {
        return node.call("scheduler_stop", {{"reason", "late"}, {"operation", id}})
            .value("error", "");
    };
    CHECK(late(9) == "Refused"); // the runbook of an operation that is over stops nothing any more
    CHECK(node.watched.back() == std::pair<std::int64_t, pid_t>(1, 4242));
    CHECK_THAT(node.call("operation_begin", begin).at("why").get<std::string>(),
               Catch::Contains("operation 1 (swap by tester") && Catch::Contains("is open"));
    node.call("queue_hold", {{"all", true}, {"reason", "swap"}});
    node.call("scheduler_stop", {{"reason", "swap"}});
    node.call("operation_step", {{"id", 1}, {"step", "hold"}, {"state", "done"}});
    CHECK(node.engine.status_part().at("operation").at("steps").size() == 1);
    CHECK(node.call("operation_step", {{"id", 9}, {"step", "x"}, {"state", "done"}}).at("error") ==
          "Refused");
    const auto released = [&](Node& at) {
        const auto status = at.engine.status_part();
        return status.at("operation").is_null() && queue_of(at, "default").at("held") == false &&
               status.at("scheduler").at("state") == "running" &&
               database.ask("SELECT bool_or(held) FROM roleswap.queue") == "f";
    };
    SECTION("by its end")
    {
        CHECK(node.call("operation_end", {{"id", 1}, {"result", "failed"}, {"why", "no"}})
                  .at("result") == "failed");
        CHECK(released(node));
        CHECK(node.watched.back().second == 0);
        CHECK(node.call("operation_end", {{"id", 1}, {"result", "done"}}).at("result") == "failed");
        const auto shown = node.call("operation_show").at("operation");
        CHECK(shown.at("why") == "no");
        CHECK(shown.at("steps").size() == 1);
    }
    SECTION("by a change of the master that is not its hand-over")
    {
        node.kill();
        Node peer("right");
        peer.start(2, database);
        until([&] { return released(peer); });
        CHECK(database.ask("SELECT state FROM roleswap.operation") == "abandoned");
    }
    SECTION("its hand-over leaves it open at the new master")
    {
        bool stored = false;
        node.engine.note_hand_over(1, [&](const std::string& why) { stored = why.empty(); });
        until([&] { return stored; });
        node.kill();
        Node peer("right");
        peer.start(2, database);
        CHECK(peer.engine.status_part().at("operation").at("id") == 1);
        CHECK(queue_of(peer, "default").at("held") == true);
        peer.call("scheduler_start", {{"operation", 1}});
        peer.call("queue_release", {{"all", true}, {"restore", true}, {"operation", 1}});
        CHECK(peer.call("operation_end", {{"id", 1}, {"result", "done"}}).at("result") == "done");
        CHECK(released(peer));
    }
}

TEST_CASE("tasks go out as a file and come in again", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(task("a", "5 4 * * *", "echo a"), "description", "größer"));
    node.call("task_add", with(task("b", "@daily", "echo b"), "environment", {{"X", "1"}}));
    const auto text = node.call("task_export").at("toml").get<std::string>();
    const auto empty = json::array();
    CHECK(node.call("task_apply", {{"toml", text}}) ==
          json{{"added", empty}, {"changed", empty}, {"removed", empty}, {"same", 2}});
    const auto file = "[[task]]\nname = \"b\"\nschedule = \"@daily\"\ncommand = \"echo c\"\n"
                      "[[task]]\nname = \"c\"\nschedule = \"@hourly\"\ncommand = \"true\"\n";
    const auto wanted = json{{"added", {"c"}}, {"changed", {"b"}}, {"removed", {"a"}}, {"same", 0}};
    auto args = json{{"toml", file}, {"remove_others", true}, {"dry_run", true}};
    auto dry = node.call("task_apply", args); // what it tells besides: after_test.cpp
    dry.erase("fields");
    CHECK(dry.at("others") == 0);
    dry.erase("others");
    CHECK(dry == wanted);
    CHECK(database.ask("SELECT count(*) FROM roleswap.task WHERE name = 'c'") == "0");
    args["dry_run"] = false;
    auto done = node.call("task_apply", args);
    CHECK(done.at("unready") == empty);
    done.erase("unready");
    CHECK(done == wanted);
    CHECK(database.ask("SELECT name, definition ->> 'command' FROM roleswap.task ORDER BY name") ==
          "b|echo c\nc|true");
    CHECK(node.call("task_disable", {{"name", "c"}}).at("enabled") == false);
    CHECK(node.engine.status_part().at("tasks").at("enabled") == 1);
    node.kill();
    node.start(2, database);
    CHECK(node.call("task_show", {{"name", "c"}}).at("task").at("enabled") == false);
    CHECK(node.call("task_remove", {{"name", "c"}}) == json{{"name", "c"}});
    CHECK(node.call("task_list").at("tasks").size() == 1);
}

TEST_CASE("bad arguments say place, value and what is allowed", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    struct Row {
        const char* verb;
        json args;
        const char* code;
        const char* why;
    };
    const std::vector<Row> rows{
        {"task_run", json::object(), "BadArgument",
         "roleswap task run: name is missing; allowed: the name"},
        {"task_run", {{"name", 5}}, "BadArgument", "name is 5; allowed"},
        {"task_run", {{"name", "x"}}, "NotFound", "there is no task \"x\""},
        {"task_run", {{"nam", "x"}}, "BadArgument", "no argument \"nam\"; allowed: name"},
        {"task_run", json::array(), "BadArgument", "allowed: a JSON object"},
        {"task_add", task("x", "61 * * * *", "true"), "BadArgument", "61"},
        {"task_add", task("x", "0 0 30 2 *", "true"), "BadArgument", "which is never due"},
        {"task_add", task("x", "2020-01-01 00:00", "true"), "BadArgument", "which is never due"},
        {"task_add", task("x", "Mon 25:00", "true"), "BadArgument",
         "hour \"25\"; allowed: 0 to 23"},
        {"task_add", with(task("x", "12-25 08:00", "true"), "except", json::array({"12-25"})),
         "BadArgument", "which is never due"},
        {"task_add", with(task("x", "@daily", "true"), "except", json::array({"25.12."})),
         "BadArgument", "excluded date \"25.12.\""},
        {"task_next", {{"name", "x"}}, "NotFound", "there is no task \"x\""},
        {"task_next", {{"name", "x"}, {"count", "5"}}, "NotFound", "no task"},
        {"task_add", {{"task", 1}}, "BadArgument", "task is 1; allowed"},
        {"task_apply", {{"toml", "[[task]]\nname = 1\n"}}, "BadArgument", "toml:2"},
        {"run_list", {{"limit", 0}}, "BadArgument", "limit is 0; allowed: a whole number from 1"},
        {"run_list", {{"state", "gone"}}, "BadArgument", "state is \"gone\"; allowed: queued"},
        {"run_show", {{"id", 77}}, "NotFound", "no run 77"},
        {"run_kill", {{"id", 77}}, "NotFound", "run 77 neither runs nor waits"},
        {"queue_hold", json::object(), "BadArgument", "neither name nor all"},
        {"queue_hold", {{"name", "x"}}, "NotFound", "no queue \"x\""},
        {"queue_release", {{"name", "default"}, {"restore", true}}, "BadArgument", "all = true"},
        {"queue_set", {{"name", "a b"}}, "BadArgument", "name is \"a b\""},
        {"queue_remove", json::object(), "BadArgument", "name is missing"},
        {"queue_remove", {{"name", "x"}}, "NotFound", "no queue \"x\""},
        {"queue_remove", {{"name", "default"}}, "Refused", "queue \"default\" stays"},
        {"operation_begin", {{"kind", "dance"}}, "BadArgument", "allowed: swap, activate"},
        {"operation_end", {{"id", 1}, {"result", "x"}}, "BadArgument", "allowed: done, failed"},
        {"drain", {{"timeout_ms", -1}}, "BadArgument", "from 0 to"},
    };
    for (const auto& row : rows) {
        INFO(row.verb << " " << row.args.dump());
        const auto answer = node.call(row.verb, row.args);
        CHECK(answer.value("error", "") == row.code);
        CHECK_THAT(answer.value("why", ""), Catch::Contains(row.why));
    }
    CHECK_FALSE(node.engine.handle("no_such_verb", {}, {}, {}));
}

TEST_CASE("runs are listed, shown, and killed where they wait", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", task("odd", "@yearly", "printf 'a\\000b\\377c'; exit 3"));
    const auto id = node.call("task_run", {{"name", "odd"}}).at("id").get<int>();
    CHECK(database.wait_for("SELECT state FROM roleswap.run", "failed") == "failed");
    const auto shown = node.call("run_show", {{"id", id}}).at("run");
    CHECK(shown.at("output") == "a\xEF\xBF\xBD"
                                "b\xEF\xBF\xBD"
                                "c");
    CHECK(shown.at("exit_code") == 3);
    CHECK(shown.at("why") == "exit code 3");
    node.call("queue_hold", {{"all", true}});
    const auto waiting = node.call("task_run", {{"name", "odd"}}).at("id");
    CHECK(node.call("run_kill", {{"id", waiting}}).at("killed") == "waiting");
    CHECK(node.call("run_list", {{"state", "killed"}}).at("runs")[0].at("why") ==
          "killed by tester");
    CHECK(node.call("run_list", {{"task", "odd"}, {"limit", 1}}).at("runs").size() == 1);
    CHECK(node.call("task_list").at("tasks")[0].at("last").at("state") == "killed");
    CHECK(node.call("queue_list").at("queues")[0].at("waiting") == 0);
}

TEST_CASE("a list that takes long holds up no run", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", queued_noop("nothing"));
    node.call("task_run", {{"name", "nothing"}});
    const auto over = "SELECT count(*) FROM roleswap.run WHERE over";
    REQUIRE(database.wait_for(over, "1") == "1");
    // A list asks it for each row: one that waits until two runs are over.
    database.ask(
        "CREATE OR REPLACE FUNCTION roleswap.iso(moment timestamptz) RETURNS text LANGUAGE "
        "plpgsql VOLATILE AS $$ BEGIN WHILE (SELECT count(*) FROM roleswap.run WHERE over) "
        "< 2 LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN ''; END $$");
    std::optional<nlohmann::json> answer;
    const work::Reply reply{[&](const nlohmann::json& result) { answer = result; },
                            [&](const work::VerbError& error) { answer = error.why; }};
    REQUIRE(node.engine.handle("run_list", {{"state", "ok"}}, {.uid = 0, .user = "tester"}, reply));
    const auto asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    REQUIRE(database.wait_for(asleep, "1") == "1");
    node.call("task_run", {{"name", "nothing"}});
    CHECK(database.wait_for(over, "2") == "2");
    until([&] { return answer.has_value(); });
    CHECK(answer->at("runs").size() == 1);
}
