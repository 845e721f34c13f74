#include "work/migrate.hpp"
#include "world.hpp"
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace roleswap;
using nlohmann::json;

namespace {

/// Commands that wait for it go on when it exists.
class Gate {
public:
    Gate() : path_("/tmp/roleswap-gate-" + std::to_string(::getpid())) { close(); }
    ~Gate() { close(); }
    void open() { std::ofstream(path_) << "open"; }
    void close() { std::filesystem::remove(path_); }
    std::string wait() const { return "until [ -e " + path_ + " ]; do sleep 0.02; done"; }

private:
    std::string path_;
};

const char* const seconds_missing = R"(
SELECT count(*) FROM (SELECT due - lag(due) OVER (ORDER BY due) AS gap FROM roleswap.run
                      WHERE task = 'tick') AS gaps WHERE gap <> interval '1 s')";

} // namespace

TEST_CASE("the schema is made once, all of it is commented, and a newer one is refused", "[work]")
{
    Database database;
    {
        Node node("left");
        node.start(1, database);
        CHECK(database.ask("SELECT version FROM roleswap.meta") ==
              std::to_string(work::migrations().back().version));
        node.kill();
        node.start(2, database);
        CHECK(node.trouble.empty());
    }
    CHECK(database.ask(R"(
        SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
        WHERE relnamespace = 'roleswap'::regnamespace AND relkind = 'r' AND attnum > 0
        AND (col_description(c.oid, attnum) IS NULL OR obj_description(c.oid) IS NULL))") == "");
    database.ask("UPDATE roleswap.meta SET version = 99");
    Node node("left");
    node.engine.start({3}, database.conninfo());
    until([&] { return !node.trouble.empty(); });
    CHECK_THAT(node.trouble.back(), Catch::Contains("schema version 99") &&
                                        Catch::Contains("install the newer package"));
    CHECK(database.ask("SELECT epoch FROM roleswap.term") == "2");
}

TEST_CASE("every second is run once, with its environment, while the store loses connections",
          "[work]")
{
    Database database;
    Node node("left");
    node.start(7, database);
    const auto command = "echo $ROLESWAP_RUN $ROLESWAP_TASK $ROLESWAP_DUE $ROLESWAP_EPOCH "
                         "$ROLESWAP_NODE $ROLESWAP_ATTEMPT $ROLESWAP_STORE";
    CHECK(node.call("task_add", task("tick", "every 1s", command)).at("name") == "tick");
    const auto done = "SELECT count(*) >= 2 FROM roleswap.run WHERE state = 'ok'";
    CHECK(database.wait_for(done, "t") == "t");
    database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    CHECK(database.wait_for("SELECT count(*) >= 5 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    CHECK(database.ask(seconds_missing) == "0");
    CHECK(database.ask(
              "SELECT count(*) FROM roleswap.run WHERE state NOT IN ('ok', 'running', 'queued')") ==
          "0");
    CHECK(database.ask(
              "SELECT count(*) FROM roleswap.run WHERE state = 'ok' AND output_tail <> "
              "format(E'%s tick %s 7 left 1 dbname=somewhere\\n', id, roleswap.iso(due))") == "0");
    CHECK(database.ask("SELECT max(started_at - due) < interval '5 s' FROM roleswap.run") == "t");
    CHECK(node.noted("pair_booted"));
}

TEST_CASE("a store that was killed and comes back finds nothing lost and nothing twice", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto file = "/tmp/roleswap-count-" + std::to_string(::getpid());
    std::filesystem::remove(file);
    const auto tick =
        with(task("tick", "every 1s", "echo $ROLESWAP_DUE >> " + file), "catch_up", "all");
    // On a busy machine a run may last longer than a second.
    node.call("task_add", with(tick, "overlap", "queue"));
    CHECK(database.wait_for("SELECT count(*) >= 1 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    the_cluster().kill();
    the_cluster().start();
    CHECK(database.wait_for("SELECT count(*) >= 4 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    CHECK(database.ask(seconds_missing) == "0");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'running'", "0") ==
          "0");
    node.call("scheduler_stop");
    INFO(database.ask("SELECT id, due, state, why, batch, started_at FROM roleswap.run"));
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state <> 'ok'", "0") == "0");
    std::ifstream lines(file);
    std::vector<std::string> dues;
    for (std::string line; std::getline(lines, line);) dues.push_back(line);
    CHECK(std::to_string(dues.size()) == database.ask("SELECT count(*) FROM roleswap.run"));
    std::sort(dues.begin(), dues.end());
    CHECK(std::adjacent_find(dues.begin(), dues.end()) == dues.end());
    std::filesystem::remove(file);
}

TEST_CASE("a new master frees the runs of the dead one, and the dead one writes no more", "[work]")
{
    Database database;
    Gate gate;
    Node old("left");
    old.start(1, database);
    old.call("task_add", task("again", "@yearly", gate.wait()));
    old.call("task_add", with(task("doubt", "@yearly", gate.wait()), "after_crash", "hold"));
    old.call("task_run", {{"name", "again"}});
    old.call("task_run", {{"name", "doubt"}});
    until([&] { return old.executor.alive() == 2; });

    Node fresh("right"); // the old one lives on, as a frozen node does
    fresh.start(2, database);
    CHECK(fresh.noted("runs_freed"));
    CHECK(fresh.noted("runs_in_doubt"));
    CHECK(database.ask("SELECT state, attempt FROM roleswap.run WHERE task = 'doubt'") ==
          "interrupted|1");
    CHECK(database.wait_for("SELECT state, attempt, node FROM roleswap.run WHERE task = 'again'",
                            "running|2|right") == "running|2|right");
    gate.open();
    until([&] { return !old.superseded.empty(); });
    CHECK_FALSE(old.engine.running());
    CHECK_THAT(old.superseded.front(), Catch::Contains("epoch 1 is not the current one"));
    CHECK(old.call("task_list").at("error") == "NotMaster");
    CHECK(database.wait_for("SELECT state, attempt, node FROM roleswap.run WHERE task = 'again'",
                            "ok|2|right") == "ok|2|right");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run") == "2");
}

TEST_CASE("an epoch that is not the newest is refused", "[work]")
{
    Database database;
    Node node("left");
    node.start(5, database);
    Node late("right");
    late.start(4, database);
    CHECK(late.ready == 0);
    CHECK(late.superseded.size() == 1);
    Node same("right"); // another node with the same epoch is as wrong
    same.start(5, database);
    CHECK(same.ready == 0);
    CHECK(database.ask("SELECT epoch, node FROM roleswap.term") == "5|left");
    CHECK(database.fails_with("SELECT roleswap.check_epoch(4)") == "RS001");
    CHECK(database.fails_with("SELECT roleswap.check_epoch(6)") == "RS001");
    CHECK(database.fails_with("SELECT roleswap.check_epoch(5)") == "");
}

TEST_CASE("kill answers when no process is alive, and writes nothing", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", task("long", "@yearly", "sleep 1000"));
    node.call("task_run", {{"name", "long"}});
    until([&] { return node.executor.alive() == 1; });
    node.kill();
    CHECK(node.executor.alive() == 0);
    CHECK(database.ask("SELECT state FROM roleswap.run") == "running");
    CHECK(node.call("task_list").at("error") == "NotMaster");
    node.start(2, database);
    CHECK(database.wait_for("SELECT state, attempt FROM roleswap.run", "running|2") == "running|2");
    until([&] { return node.executor.alive() == 1; });
    CHECK(node.call("run_kill", {{"id", 1}}) == json{{"id", 1}, {"killed", "running"}});
    CHECK(database.wait_for("SELECT state, why FROM roleswap.run", "killed|killed by tester") ==
          "killed|killed by tester");
}

TEST_CASE("suspended it starts nothing; resumed it goes on", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(task("tick", "every 1s", "true"), "overlap", "queue"));
    CHECK(database.wait_for("SELECT count(*) >= 1 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'running'", "0") ==
          "0");
    node.engine.suspend(); // what is claimed just now is the one that may still be written
    const auto before = database.ask("SELECT count(*) FROM roleswap.run");
    const auto passed = "SELECT clock_timestamp() > now() + interval '2 s'";
    database.ask("BEGIN");
    CHECK(database.wait_for(passed, "t") == "t");
    database.ask("COMMIT");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run") == before);
    node.engine.resume();
    CHECK(database.wait_for("SELECT count(*) >= 4 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    CHECK(database.ask(seconds_missing) == "0");
}

TEST_CASE("what passed while nobody was master is made up by the policy of each task", "[work]")
{
    struct Row {
        const char* name;
        json catch_up;
        int limit;
        const char* runs;
    };
    // Due on each full hour; ten of them passed.
    const std::vector<Row> rows{{"none", "none", 100, "0"},
                                {"last", "last", 100, "1"},
                                {"all", "all", 100, "10"},
                                {"some", "all", 3, "3"},
                                {"left-open", nullptr, 100, "1"}};
    Database database;
    Node node("left");
    node.start(1, database);
    for (const auto& row : rows) {
        auto object = with(task(row.name, "0 * * * *", "true"), "catch_up_limit", row.limit);
        node.call("task_add", with(object, "catch_up", row.catch_up));
        // Off the time of day at which the hour itself is just missed.
        database.ask("UPDATE roleswap.task SET last_due = date_trunc('hour', now()) - "
                     "interval '10 hours' + interval '1 s', definition = jsonb_set(definition, "
                     "'{late_limit_ms}', '1000')");
    }
    node.kill();
    node.start(2, database);
    for (const auto& row : rows) {
        INFO(row.name);
        const auto count = std::string("SELECT count(*) FROM roleswap.run WHERE state = 'ok' AND "
                                       "task = '") +
                           row.name + "'";
        CHECK(database.wait_for(count, row.runs) == row.runs);
        INFO(database.ask("SELECT task, due, state, why FROM roleswap.run"));
        CHECK(database.ask(count) == row.runs);
        CHECK(database.wait_for("SELECT last_due > now() - interval '1 min' FROM roleswap.task "
                                "WHERE name = '" +
                                    std::string(row.name) + "'",
                                "t") == "t");
    }
    CHECK(node.noted("due_times_passed_over"));
}

TEST_CASE("overlap: skip, queue and parallel", "[work]")
{
    Database database;
    Gate gate;
    Node node("left");
    node.start(1, database);
    for (const char* policy : {"skip", "queue", "parallel"})
        node.call("task_add", with(task(policy, "every 1s", gate.wait()), "overlap", policy));
    const auto states = [&](const std::string& name) {
        return database.ask("SELECT string_agg(DISTINCT state, ',' ORDER BY state), "
                            "count(*) FILTER (WHERE state = 'running') FROM roleswap.run "
                            "WHERE task = '" +
                            name + "'");
    };
    CHECK(database.wait_for("SELECT min(n) >= 3 FROM (SELECT count(*) n FROM roleswap.run GROUP BY "
                            "task) AS counts",
                            "t") == "t");
    CHECK(states("skip") == "running,skipped|1");
    INFO(database.ask(
        "SELECT id, task, state, why, exit_code, signal, output_tail FROM roleswap.run"));
    CHECK(states("queue") == "queued,running|1");
    CHECK(states("parallel").substr(0, 8) == "running|");
    CHECK(std::stoi(states("parallel").substr(8)) >= 3);
    node.call("scheduler_stop", {{"reason", "enough"}});
    gate.open();
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state NOT IN "
                            "('ok', 'skipped')",
                            "0") == "0");
    CHECK(database.ask(
              "SELECT count(*) FROM (SELECT started_at < lag(ended_at) OVER (ORDER BY due) "
              "AS mixed FROM roleswap.run WHERE task = 'queue') AS runs WHERE mixed") == "0");
}

TEST_CASE("failures are tried again after their delay; time-outs and missing commands too",
          "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    auto flaky = with(task("flaky", "@yearly",
                           "echo try $ROLESWAP_ATTEMPT; "
                           "[ $ROLESWAP_ATTEMPT -ge 3 ]"),
                      "retries", 5);
    node.call("task_add", with(flaky, "retry_delay_ms", 300));
    auto slow = with(task("slow", "@yearly", "sleep 1000"), "timeout_ms", 200);
    node.call("task_add", with(with(slow, "retries", 1), "retry_delay_ms", 100));
    node.call("task_add", with(task("lost", "@yearly", "true"), "directory", "/no/such"));
    for (const char* name : {"flaky", "slow", "lost"}) node.call("task_run", {{"name", name}});
    const auto row = [&](const std::string& name, const std::string& wanted) {
        return database.wait_for("SELECT state, attempt, retries_used FROM roleswap.run WHERE "
                                 "task = '" +
                                     name + "'",
                                 wanted);
    };
    CHECK(row("flaky", "ok|3|2") == "ok|3|2");
    CHECK(row("slow", "timeout|2|1") == "timeout|2|1");
    CHECK(row("lost", "failed|1|0") == "failed|1|0");
    CHECK(database.ask("SELECT output_tail, why FROM roleswap.run WHERE task = 'flaky'") ==
          "try 3\n|");
    CHECK(
        database.ask("SELECT exit_code, why FROM roleswap.run WHERE task = 'lost'") ==
        "126|directory /no/such: No such file or directory; make it, or give the task another one "
        "on this node");
    CHECK(database.ask("SELECT ended_at - created_at >= interval '600 ms' FROM roleswap.run WHERE "
                       "task = 'flaky'") == "t");
    CHECK(node.noted("run_failed"));
}

TEST_CASE("@reboot runs once for each boot of the pair", "[work]")
{
    Database database;
    const auto count = "SELECT count(*) FROM roleswap.run WHERE cause = 'reboot' AND state = 'ok'";
    Node node("left");
    node.start(1, database);
    node.call("task_add", task("boot", "@reboot", "true"));
    node.kill();
    node.start(2, database); // the same boot of the same host
    CHECK(database.ask("SELECT count(*) FROM roleswap.run") == "0");
    node.engine.note_peer_boot("the-peer");
    CHECK(database.wait_for("SELECT jsonb_array_length(value -> 'ids') FROM roleswap.setting WHERE "
                            "name = 'pair_boot'",
                            "2") == "2");
    node.kill();
    database.ask("UPDATE roleswap.setting SET value = '{\"number\": 1, \"ids\": [\"other\"]}' "
                 "WHERE name = 'pair_boot'");
    node.start(3, database); // as after a boot of both
    CHECK(database.wait_for(count, "1") == "1");
    node.kill();
    node.start(4, database);
    CHECK(database.ask("SELECT count(*) FROM roleswap.run") == "1");
    CHECK(database.ask(
              "SELECT value ->> 'number' FROM roleswap.setting WHERE name = 'pair_boot'") == "2");
}
