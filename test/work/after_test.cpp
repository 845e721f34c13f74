// Runs that the ends of others bring: exactly one for each end, whatever dies in between.
#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

namespace {

json after(const std::string& name, const std::vector<std::string>& names,
           const std::string& command = "echo $ROLESWAP_ORIGIN")
{
    return {{"task", {{"name", name}, {"after", names}, {"command", command}}}};
}

json mark(const std::string& name)
{
    return {{"task", {{"name", name}, {"schedule", "@yearly"}, {"kind", "noop"}}}};
}

json mark_after(const std::string& name, const std::vector<std::string>& names)
{
    return {{"task", {{"name", name}, {"after", names}, {"kind", "noop"}}}};
}

void add(Node& node, const json& object)
{
    const auto answer = node.call("task_add", object);
    INFO(answer.dump());
    REQUIRE_FALSE(answer.contains("error"));
}

/// Runs of a task as "state" in the order in which they were made, once none is open.
std::string states(Database& database, const std::string& task, const std::string& wanted)
{
    return database.wait_for(
        "SELECT coalesce(string_agg(state, ' ' ORDER BY id), '') FROM roleswap.run WHERE "
        "task = '" +
            task + "'",
        wanted);
}

/// Each end of the runs of `first` has brought one run of `second`, and nothing else has.
const char* const unpaired = R"(
SELECT count(*) FROM (SELECT id FROM roleswap.run WHERE task = 'first' AND state = 'ok') AS p(run)
FULL JOIN (SELECT origin, count(*) AS n FROM roleswap.run WHERE task = 'second' GROUP BY origin) AS s(run, n)
USING (run) WHERE p.run IS NULL OR s.n IS DISTINCT FROM 1)";

} // namespace

TEST_CASE("the end of a run brings one run of each task that asks for such an end", "[work][after]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    add(node, ::task("good", "@yearly", "true"));
    add(node, ::task("bad", "@yearly", "exit 3"));
    for (const char* name : {"good", "bad"})
        for (const char* which : {"success", "failure", "any"})
            add(node,
                after(fmt::format("{}-{}", name, which), {fmt::format("{}:{}", name, which)}));
    for (const char* name : {"good", "bad"}) node.call("task_run", {{"name", name}});
    CHECK(states(database, "good-success", "ok") == "ok");
    CHECK(states(database, "good-any", "ok") == "ok");
    CHECK(states(database, "bad-failure", "ok") == "ok");
    CHECK(states(database, "bad-any", "ok") == "ok");
    CHECK(states(database, "bad-success", "skipped") == "skipped");
    CHECK(database.ask(
              "SELECT why = format('bad (run %s) ended as failed; this task is after its success', "
              "origin) FROM roleswap.run WHERE task = 'bad-success'") == "t");
    CHECK(states(database, "good-failure", "") == "");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE cause = 'after' AND state = 'ok' "
                       "AND output_tail "
                       "= format(E'%s\\n', origin)") == "4");
    const auto shown = node.call("run_show", {{"id", 1}}).at("run");
    REQUIRE(shown.at("next").size() == 2);
    CHECK(shown.at("next").at(0).at("cause") == "after");
    const auto follower = node.call("run_show", {{"id", shown.at("next").at(0).at("run")}});
    CHECK(follower.at("run").at("origin") == 1);
    CHECK(follower.at("run").at("after") == json{{{"task", "good"}, {"run", 1}, {"state", "ok"}}});
}

TEST_CASE("only the last attempt is an end; what never ran or whose end is unknown is none",
          "[work][after]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    auto flaky = with(::task("flaky", "@yearly", "[ $ROLESWAP_ATTEMPT = 2 ]"), "retries", 3);
    add(node, with(flaky, "retry_delay_ms", 50));
    add(node, after("then", {"flaky"}));
    add(node, with(::task("held", "@yearly", "true"), "queue", "slow"));
    add(node, after("after-held", {"held:any"}));
    add(node, with(::task("doubt", "@yearly", "sleep 1000"), "after_crash", "hold"));
    add(node, after("after-doubt", {"doubt:any"}));
    node.call("task_run", {{"name", "flaky"}});
    CHECK(states(database, "then", "ok") == "ok");
    CHECK(database.ask("SELECT attempt FROM roleswap.run WHERE task = 'flaky'") == "2");
    node.call("queue_hold", {{"name", "slow"}});
    const auto waiting = node.call("task_run", {{"name", "held"}});
    node.call("run_kill", {{"id", waiting.at("id")}});
    node.call("task_run", {{"name", "doubt"}});
    until([&] { return node.executor.alive() == 1; });
    node.kill();
    Node other("right");
    other.start(2, database);
    CHECK(states(database, "doubt", "interrupted") == "interrupted");
    other.call("task_run", {{"name", "flaky"}}); // a sign that all before it is done
    CHECK(states(database, "then", "ok ok") == "ok ok");
    CHECK(states(database, "after-held", "") == "");
    CHECK(states(database, "after-doubt", "") == "");
}

TEST_CASE(
    "of several tasks the newest end of each must count, since the last run that they brought",
    "[work][after]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    for (const char* name : {"a", "b"}) add(node, ::task(name, "@yearly", "[ ! -e \"$FAIL\" ]"));
    add(node, mark("mark"));
    add(node, after("both", {"a", "b:any"}));
    add(node, mark_after("sign", {"mark"}));
    int marks = 0;
    const auto run = [&](const std::string& name) {
        node.call("task_run", {{"name", name}});
        CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE NOT over", "0") == "0");
        node.call("task_run", {{"name", "mark"}});
        std::string all = "ok";
        for (int i = 0; i < marks; ++i) all += " ok";
        ++marks;
        CHECK(states(database, "sign", all) == all);
    };
    run("a");
    run("a");
    CHECK(states(database, "both", "") == "");
    const auto waits = node.call("task_show", {{"name", "both"}}).at("waits_for");
    CHECK(waits.at(0).at("state") == "ok");
    CHECK(waits.at(1).at("run").is_null());
    run("b");
    CHECK(states(database, "both", "ok") == "ok");
    run("b");
    CHECK(states(database, "both", "ok") == "ok");
    database.ask("UPDATE roleswap.task SET definition = definition"); // nothing is forgotten by it
    node.call("task_apply",
              {{"toml", "[[task]]\nname = \"a\"\nschedule = \"@yearly\"\ncommand = \"false\"\n"}});
    run("a"); // its newest end does not count: told, and no run
    CHECK(states(database, "both", "ok skipped") == "ok skipped");
    run("b");
    CHECK(states(database, "both", "ok skipped") == "ok skipped");
    node.call("task_apply",
              {{"toml", "[[task]]\nname = \"a\"\nschedule = \"@yearly\"\ncommand = \"true\"\n"}});
    run("a");
    CHECK(states(database, "both", "ok skipped ok") == "ok skipped ok");
    CHECK(database.ask("SELECT count(*) FROM roleswap.after_end WHERE waits") == "0");
}

TEST_CASE(
    "a held queue, a new master and a disabled task: what an end brought is kept or never made",
    "[work][after]")
{
    Database database;
    Node left("left");
    left.start(1, database);
    add(left, ::task("first", "@yearly", "true"));
    add(left, with(after("second", {"first"}), "queue", "slow"));
    add(left, with(after("off", {"first"}), "enabled", false));
    left.call("queue_hold", {{"name", "slow"}});
    for (int i = 0; i < 3; ++i) left.call("task_run", {{"name", "first"}});
    CHECK(states(database, "second", "queued queued queued") == "queued queued queued");
    left.call("scheduler_stop");
    left.call("task_run", {{"name", "first"}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE task = 'second'", "4") == "4");
    left.kill();
    Node right("right");
    right.start(2, database);
    right.call("queue_release", {{"name", "slow"}});
    CHECK(states(database, "second", "ok ok ok ok") == "ok ok ok ok");
    CHECK(database.ask(unpaired) == "0");
    CHECK(database.ask(
              "SELECT count(*) FROM roleswap.run AS a JOIN roleswap.run AS b ON a.id < b.id AND "
              "a.task = 'second' AND b.task = 'second' AND a.ended_at > b.started_at") == "0");
    CHECK(states(database, "off", "") == "");
}

TEST_CASE("no crash between the end of a run and the start of the next loses or doubles it",
          "[work][after]")
{
    constexpr int runs = 400;
    Database database;
    auto node = std::make_unique<Node>("left");
    core::Epoch epoch = 1;
    node->start(epoch, database);
    add(*node, mark("first"));
    add(*node, mark_after("second", {"first"}));
    add(*node, mark_after("third", {"second:any"}));
    const auto enqueue = fmt::format(
        "SELECT count(*) FROM roleswap.enqueue_many('first', array_fill(NULL::jsonb, ARRAY[{}]))",
        runs);
    for (int round = 0; round < 4; ++round) {
        database.ask(enqueue);
        const auto some =
            fmt::format("SELECT count(*) > {} FROM roleswap.run WHERE task = 'second'",
                        round * runs + 20 * round);
        CHECK(database.wait_for(some, "t") == "t");
        if (round % 2 == 0) {
            the_cluster().kill();
            the_cluster().start();
        } else {
            node.reset();
            node = std::make_unique<Node>("right");
            node->start(++epoch, database);
        }
    }
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE NOT over", "0") == "0");
    const auto each = std::to_string(4 * runs);
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE task = 'third'", each) ==
          each);
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE task = 'second'") == each);
    CHECK(database.ask(unpaired) == "0");
    CHECK(database.ask(
              "SELECT count(*) FROM (SELECT origin FROM roleswap.run WHERE task = 'third' GROUP BY "
              "origin HAVING count(*) > 1) AS twice") == "0");
}

TEST_CASE("two ends at once do not miss each other, and one that is reported again brings no more",
          "[work][after]")
{
    Database database;
    {
        Node node("left");
        node.start(1, database);
        add(node, mark("a"));
        add(node, mark("b"));
        add(node, mark_after("both", {"a", "b"}));
        add(node, mark_after("one", {"a"}));
    }
    database.ask("INSERT INTO roleswap.run (task, due, queue, state, epoch, over) SELECT t, now(), "
                 "'default', 'ok', 1, true "
                 "FROM unnest(ARRAY['a', 'b']) AS t");
    PGconn* other = PQconnectdb(database.conninfo().c_str());
    database.ask("BEGIN");
    database.ask("SELECT * FROM roleswap.bring_followers('{1}')");
    PQsendQuery(other, "SELECT * FROM roleswap.bring_followers('{2}')"); // waits for the first
    const auto waiting =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'";
    CHECK(database.wait_for(waiting, "1") == "1");
    database.ask("COMMIT");
    while (PGresult* result = PQgetResult(other)) PQclear(result);
    PQfinish(other);
    const auto brought = "SELECT task, state, origin FROM roleswap.run WHERE id > 2 ORDER BY task";
    CHECK(database.ask(brought) == "both|queued|2\none|queued|1");
    // As of a batch whose commit was in doubt: it is told what there is.
    CHECK(database.ask("SELECT task FROM roleswap.bring_followers('{1, 2}') ORDER BY 1") ==
          "both\none");
    CHECK(database.ask(brought) == "both|queued|2\none|queued|1");
}

TEST_CASE("the end of a run that nobody is after costs no statement", "[work][after]")
{
    Database database;
    database.ask("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_functions = pl', "
                 "current_database()); END $$");
    Node node("left");
    node.start(1, database);
    add(node, mark("alone"));
    add(node, mark("first"));
    add(node, mark_after("second", {"first"}));
    const auto calls =
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = "
        "'bring_followers'";
    const auto tracked =
        "SELECT coalesce(sum(calls), 0) > 0 FROM pg_stat_user_functions WHERE funcname = "
        "'check_epoch'";
    for (int i = 0; i < 5; ++i) node.call("task_run", {{"name", "alone"}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "5") == "5");
    CHECK(database.wait_for(tracked, "t") == "t");
    CHECK(database.ask(calls) == "0");
    node.call("task_run", {{"name", "first"}});
    CHECK(states(database, "second", "ok") == "ok");
    CHECK(database.wait_for(calls, "1") == "1");
}

TEST_CASE("circles, unknown names and removals that others wait for are refused, with the place",
          "[work][after]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    add(node, mark("first"));
    add(node, mark_after("second", {"first"}));
    CHECK_THAT(why_not(node.call("task_add", mark_after("lost", {"nobody"}))),
               Catch::StartsWith("BadArgument: ") &&
                   Catch::Contains("task \"lost\": after = \"nobody\", which is no task; allowed"));
    CHECK_THAT(why_not(node.call("task_remove", {{"name", "first"}})),
               Catch::Contains(
                   "task \"second\" is after \"first\", which goes; allowed: take \"first\" out"));
    const auto apply = [&](const std::string& toml, bool remove_others = false) {
        return why_not(node.call("task_apply", {{"toml", toml}, {"remove_others", remove_others}}));
    };
    const std::string circle =
        "[[task]]\nname = \"first\"\nkind = \"noop\"\nafter = [\"third\"]\n"
        "[[task]]\nname = \"third\"\nkind = \"noop\"\nafter = [\"second\"]\n";
    CHECK_THAT(apply(circle),
               Catch::Contains("toml:4:9: a circle: first after third after second after first"));
    CHECK_THAT(
        apply("[[task]]\nname = \"x\"\nkind = \"noop\"\n  after = [\"first\", \"nobody\"]\n"),
        Catch::Contains("toml:4:11: task \"x\": after = \"nobody\", which is no task"));
    CHECK_THAT(apply("[[task]]\nname = \"second\"\nkind = \"noop\"\nafter = [\"first\"]\n", true),
               Catch::Contains("toml:4:9: task \"second\" is after \"first\", which goes"));
    CHECK(database.ask("SELECT string_agg(name, ' ' ORDER BY name) FROM roleswap.task") ==
          "first second");
    CHECK(apply("[[task]]\nname = \"second\"\nkind = \"noop\"\nschedule = \"@yearly\"\n", true) ==
          ": ");
    CHECK(database.ask("SELECT count(*) FROM roleswap.task_after") == "0");
    CHECK(database.ask("SELECT string_agg(name, ' ') FROM roleswap.task") == "second");
}

TEST_CASE("a task may have a schedule and be after others: either brings runs", "[work][after]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    add(node, mark("first"));
    add(node, with(mark_after("second", {"first"}), "schedule", "every 1s"));
    CHECK(database.wait_for(
              "SELECT count(*) >= 2 FROM roleswap.run WHERE task = 'second' AND cause = 'due'",
              "t") == "t");
    node.call("task_run", {{"name", "first"}});
    CHECK(database.wait_for(
              "SELECT count(*) FROM roleswap.run WHERE task = 'second' AND cause = 'after'", "1") ==
          "1");
    add(node, mark_after("only", {"first:any"}));
    const auto next = node.call("task_next", {{"name", "only"}});
    CHECK(next.at("next").empty());
    CHECK(next.at("why") == "it has no times of its own: it runs after first:any");
    CHECK(node.call("task_show", {{"name", "first"}}).at("followers") == json{"only", "second"});
}

TEST_CASE("a dry run tells each field that would change, and what was exported changes nothing",
          "[work][after]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    auto first = ::task("first", "@yearly", "true");
    first["task"]["environment"] = {{"A", "1"}, {"B", "2"}};
    first["task"]["node"] = {{"right", {{"user", "root"}}}};
    add(node, with(first, "timeout_ms", 90'000));
    add(node, after("second", {"first:any"}));
    const auto toml = node.call("task_export").at("toml").get<std::string>();
    const auto same =
        node.call("task_apply", {{"toml", toml}, {"dry_run", true}, {"remove_others", true}});
    CHECK(same.at("same") == 2);
    CHECK_FALSE(same.contains("fields"));
    const auto text = "[[task]]\nname = \"first\"\nschedule = \"@daily\"\ncommand = \"true\"\n"
                      "environment = { A = \"1\", C = \"3\" }\n[[task]]\nname = \"new\"\nkind = "
                      "\"noop\"\nafter = [\"first\"]\n";
    const auto diff = node.call("task_apply", {{"toml", text}, {"dry_run", true}});
    CHECK(diff.at("changed") == json{"first"});
    CHECK(diff.at("added") == json{"new"});
    CHECK(diff.at("others") == 1);
    CHECK(diff.at("fields").at("first") ==
          json::parse(R"([{"field":"environment.B","old":"2","new":null},
                          {"field":"environment.C","old":null,"new":"3"},
                          {"field":"node.right.user","old":"root","new":null},
                          {"field":"schedule","old":"@yearly","new":"@daily"},
                          {"field":"timeout_ms","old":90000,"new":0}])"));
    CHECK(database.ask("SELECT count(*) FROM roleswap.task") == "2");
}

TEST_CASE("a run of nothing that is taken out of its queue brings nothing", "[work][after]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("queue_hold", {{"name", "default"}});
    add(node, mark("first"));
    add(node, mark_after("second", {"first:any"}));
    node.call("task_run", {{"name", "first"}});
    until([&] { return node.engine.status_part().at("queues")[0].at("waiting") == 1; });
    // Before the engine hears of it, as while its batch is under way.
    database.ask("UPDATE roleswap.run SET state = 'killed', over = true, ended_at = now()");
    node.call("queue_release", {{"name", "default"}});
    until([&] { return node.engine.status_part().at("queues")[0].at("waiting") == 0; });
    node.call("task_run", {{"name", "first"}});
    CHECK(states(database, "first", "killed ok") == "killed ok");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE task = 'second'", "1") == "1");
    CHECK(database.ask("SELECT count(*) FROM roleswap.after_end") == "1");
}
