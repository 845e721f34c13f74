#include "world.hpp"
#include <catch2/catch.hpp>

using namespace roleswap;
using nlohmann::json;

namespace {

using namespace std::chrono_literals;

const char* const by_state = "SELECT string_agg(format('%s %s %s', task, state, n), ', ' ORDER BY "
                             "task, state) FROM (SELECT task, state, count(*) AS n FROM "
                             "roleswap.run WHERE task <> 'tick' GROUP BY task, state) AS counts";

void hold_after_an_hour(work::Settings& settings)
{
    settings.hold_after_outage = 1h;
}

/// As if the last master had been seen `hours` ago, with tasks due each full hour.
void pass(Database& database, int hours)
{
    const auto ago = std::to_string(hours) + " hours'";
    database.ask("UPDATE roleswap.setting SET value = jsonb_build_object('at', floor(extract(epoch "
                 "FROM now() - interval '" +
                 ago + "))::bigint) WHERE name = 'alive'");
    // Off the time of day at which the hour itself is just missed.
    database.ask("UPDATE roleswap.task SET last_due = date_trunc('hour', now()) - interval '" +
                 ago + " + interval '1 s' WHERE name <> 'tick'");
}

void add_tasks(Node& node)
{
    for (const char* policy : {"none", "last", "all"}) {
        auto object = with(::task(policy, "0 * * * *", "true"), "catch_up", policy);
        node.call("task_add", with(with(object, "late_limit_ms", 1000), "overlap", "queue"));
    }
    node.call("task_add", ::task("tick", "every 1s", "true"));
}

/// What it asked of the store last may be done after its death; then nothing more comes.
void die(Node& node, Database& database)
{
    node.kill();
    const auto* const others =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
        "pid <> pg_backend_pid() AND backend_type = 'client backend'";
    REQUIRE(database.wait_for(others, "0") == "0");
}

/// A master with tasks, seen ten hours ago; the next one begins.
void come_back(Node& node, Database& database)
{
    node.start(1, database);
    add_tasks(node);
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.setting WHERE name = 'alive'", "1") ==
          "1");
    die(node, database);
    pass(database, 10);
    node.start(2, database);
}

json held(Node& node)
{
    return node.engine.status_part().at("held");
}

const std::string all_held = "all held 10, last held 1";

/// After an outage of ten hours, all of which is held.
struct AfterOutage {
    AfterOutage()
    {
        come_back(node, database);
        CHECK(database.wait_for(by_state, all_held) == all_held);
        until([&] { return held(node).at("runs") == 11; });
    }
    void stays_held() { CHECK(database.ask(by_state) == all_held); }
    /// So many runs of the task that is due each second.
    void wait_for_ticks(int more)
    {
        const auto now = database.ask("SELECT count(*) FROM roleswap.run WHERE task = 'tick'");
        CHECK(database.wait_for("SELECT count(*) >= " + now + " + " + std::to_string(more) +
                                    " FROM roleswap.run WHERE task = 'tick' AND state = 'ok'",
                                "t") == "t");
    }
    /// Between the first and the last start of the ten runs of one task.
    bool took(const std::string& least)
    {
        return database.ask("SELECT max(started_at) - min(started_at) >= interval '" + least +
                            "' FROM roleswap.run WHERE task = 'all'") == "t";
    }
    Database database;
    Node node{"left", hold_after_an_hour};
};

} // namespace

TEST_CASE("what would be made up after a long outage is held, and what comes due now is not",
          "[work][held]")
{
    AfterOutage at;
    until([&] { return at.node.noted("due_times_held"); });
    CHECK(held(at.node).at("tasks") == 2);
    CHECK(held(at.node).at("outage").at("from") < held(at.node).at("outage").at("until"));
    at.wait_for_ticks(2);
    at.stays_held();
    const auto list = at.node.call("held_list", {{"patterns", {"l?st"}}});
    CHECK(list.at("matching") == 1);
    CHECK(list.at("held")[0].at("task") == "last");
    CHECK_THAT(list.at("held")[0].at("why").get<std::string>(),
               Catch::StartsWith("nobody scheduled between 2"));
    CHECK(at.node.call("held_list").at("matching") == 11);
    CHECK(at.node.call("held_list", {{"limit", 3}}).at("held").size() == 3);
    CHECK(at.node.call("run_list", {{"state", "held"}}).at("runs").size() == 11);
}

TEST_CASE("held runs stay held after a takeover, a restart and a reconnection", "[work][held]")
{
    AfterOutage at;
    at.node.kill();
    Node heir("right", hold_after_an_hour);
    heir.start(4, at.database);
    at.stays_held();
    until([&] { return held(heir).at("runs") == 11; });
    CHECK_FALSE(heir.noted("due_times_held")); // told once
    CHECK(held(heir).at("outage").is_object());
    at.database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
                    "pg_backend_pid() AND datname = current_database()");
    at.wait_for_ticks(2);
    at.stays_held();
}

TEST_CASE("held runs are released by a pattern, and none starts sooner than the rate says",
          "[work][held]")
{
    AfterOutage at;
    CHECK(at.node.call("held_release", {{"patterns", {"a*"}}, {"rate", "5/s"}}).at("changed") ==
          10);
    CHECK(held(at.node).at("rate") == "5/s");
    const std::string done = "all ok 10, last held 1";
    CHECK(at.database.wait_for(by_state, done) == done);
    CHECK(at.took("1.2 s"));
    CHECK(held(at.node).at("runs") == 1);
    CHECK(held(at.node).at("rate").is_null());
    CHECK(at.node.noted("held_released"));
    CHECK_THAT(why_not(at.node.call("held_release", {{"patterns", {"a*"}}})),
               Catch::StartsWith("NotFound: no such run of a task of that name is held"));
}

TEST_CASE("a release goes on with the next master, and what has not started is taken back",
          "[work][held]")
{
    AfterOutage at;
    at.node.call("held_release", {{"all", true}, {"rate", "60/m"}});
    const auto started = [&](const char* more) {
        return at.database.wait_for(std::string("SELECT count(*) > ") + more +
                                        " FROM roleswap.run WHERE task <> 'tick' AND state = 'ok'",
                                    "t");
    };
    CHECK(started("0") == "t");
    at.node.kill();
    Node heir("right", hold_after_an_hour);
    heir.start(4, at.database);
    CHECK(started("3") == "t");
    CHECK(heir.call("held_keep", {{"all", true}}).at("released") == 0);
    const auto* const not_held =
        "SELECT count(*) FROM roleswap.run WHERE task <> 'tick' AND state <> 'held'";
    const auto kept = at.database.ask(not_held);
    at.wait_for_ticks(3);
    CHECK(at.database.ask(not_held) == kept);
}

TEST_CASE("released runs wait outside of a held queue: its end is not the end of the rate",
          "[work][held]")
{
    AfterOutage at;
    at.node.call("queue_hold", {{"name", "default"}});
    at.node.call("held_release", {{"all", true}, {"rate", "10/s"}});
    at.node.call("task_run", {{"name", "none"}}); // the engine turns
    CHECK(at.database.ask(by_state) == all_held + ", none queued 1");
    at.node.call("queue_release", {{"name", "default"}});
    const std::string done = "all ok 10, last ok 1, none ok 1";
    CHECK(at.database.wait_for(by_state, done) == done);
    CHECK(at.took("0.4 s"));
}

TEST_CASE("held runs are dropped by pattern or one by one, and go with their task", "[work][held]")
{
    AfterOutage at;
    CHECK(at.node.call("held_drop", {{"patterns", {"last"}}}).at("changed") == 1);
    const auto one = at.database.ask("SELECT min(id) FROM roleswap.run WHERE state = 'held'");
    CHECK(at.node.call("run_kill", {{"id", std::stoi(one)}}).at("killed") == "waiting");
    CHECK(at.database.ask(by_state) == "all held 9, all killed 1, last skipped 1");
    CHECK(at.database.ask("SELECT why LIKE '%; dropped by tester' FROM roleswap.run WHERE task = "
                          "'last'") == "t");
    until([&] { return held(at.node).at("runs") == 9; });
    at.node.call("task_remove", {{"name", "all"}});
    CHECK(at.database.ask(by_state) == "all killed 1, all skipped 9, last skipped 1");
    until([&] { return held(at.node).at("runs") == 0; });
}

TEST_CASE("a run that the returning old master had run is held no more once that is accepted",
          "[work][held]")
{
    AfterOutage at;
    const auto row = json::parse(at.database.ask(
        "SELECT to_jsonb(r) || jsonb_build_object('state', 'ok', 'epoch', 1, 'node', 'right', "
        "'ended_at', r.due, 'held_since', NULL) FROM roleswap.run AS r WHERE task = 'last'"));
    at.node.call("history_add", {{"holder", "right"},
                                 {"lines", json::array({json{{"kind", "run"}, {"row", row}}})}});
    CHECK(at.node.call("history_accept", {{"task", "last"}}).at("accepted").size() == 1);
    CHECK(at.database.ask(by_state) == "all held 10, last ok 1");
    CHECK(at.database.ask("SELECT count(held_since) FROM roleswap.run WHERE state <> 'held'") ==
          "0");
    until([&] { return held(at.node).at("runs") == 10; });
}

TEST_CASE("a release is taken back where an old master may have run what it released",
          "[work][held]")
{
    AfterOutage at;
    at.database.ask("UPDATE roleswap.run SET released_at = now() WHERE state = 'held'");
    at.node.kill();
    at.node.start(work::Claimed{.epoch = 4, .doubt = 4}, at.database);
    at.stays_held();
    CHECK(at.database.ask("SELECT count(*), count(released_at), bool_and(why LIKE 'the old master "
                          "may have run it%') FROM roleswap.run WHERE state = 'held'") == "11|0|t");
}

TEST_CASE("without a rate all released runs start at once", "[work][held]")
{
    AfterOutage at;
    at.node.call("held_release", {{"all", true}, {"rate", "none"}});
    const std::string done = "all ok 10, last ok 1";
    CHECK(at.database.wait_for(by_state, done) == done);
}

TEST_CASE("a short outage holds nothing, nor does any where that is switched off", "[work][held]")
{
    const auto limit = GENERATE(std::chrono::milliseconds(11h), std::chrono::milliseconds(0));
    Database database;
    Node node("left", [&](work::Settings& settings) { settings.hold_after_outage = limit; });
    come_back(node, database);
    const std::string done = "all ok 10, last ok 1";
    CHECK(database.wait_for(by_state, done) == done);
    CHECK(held(node).at("runs") == 0);
}

TEST_CASE("a crash while an outage is being held leaves no due time to be run", "[work][held]")
{
    Database database;
    Node node("left", hold_after_an_hour);
    node.start(1, database);
    std::string toml;
    for (int i = 0; i < 1500; ++i)
        toml += "[[task]]\nname = \"t" + std::to_string(i) +
                "\"\nschedule = \"0 * * * *\"\ncommand = \"true\"\n";
    node.call("task_apply", {{"toml", toml}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.setting WHERE name = 'alive'", "1") ==
          "1");
    core::Epoch epoch = 1;
    const auto* const held_now = "SELECT count(*) FROM roleswap.run WHERE state = 'held'";
    for (const int least : {1, 700}) {
        die(node, database);
        database.ask("TRUNCATE roleswap.run CASCADE");
        database.ask("DELETE FROM roleswap.setting WHERE name = 'outage'");
        pass(database, 10);
        node.engine.start(work::Claimed{.epoch = ++epoch}, database.conninfo());
        until([&] { return std::stoi(database.ask(held_now)) >= least; });
        node.kill();
        const auto before = database.ask(held_now);
        INFO("killed when " << before << " were held");
        CHECK(before != "1500");
        node.start(++epoch, database);
        CHECK(database.wait_for(held_now, "1500") == "1500");
        CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE state <> 'held'") == "0");
    }
}

TEST_CASE("a scheduler that was stopped for long holds as well", "[work][held]")
{
    const auto [stop, start] = GENERATE(std::pair("scheduler_stop", "scheduler_start"),
                                        std::pair("pause_all", "resume_all"));
    Database database;
    Node node("left", [](work::Settings& settings) { settings.hold_after_outage = 2s; });
    node.start(1, database);
    auto object = with(::task("tick", "every 1s", "true"), "late_limit_ms", 0);
    node.call("task_add", with(with(object, "catch_up", "all"), "overlap", "queue"));
    CHECK(database.wait_for("SELECT count(*) > 1 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    node.call(stop);
    const auto stopped = database.ask("SELECT max(due) FROM roleswap.run");
    const auto begun = event::Loop::now();
    until([&] { return event::Loop::now() - begun > 4s; });
    node.call(start);
    CHECK(database.wait_for("SELECT count(*) > 1 FROM roleswap.run WHERE state = 'ok' AND due > "
                            "timestamptz '" +
                                stopped + "' + interval '5 s'",
                            "t") == "t");
    CHECK(database.ask("SELECT count(*) BETWEEN 2 AND 5 FROM roleswap.run WHERE state = 'held'") ==
          "t");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE state = 'held' AND due <= "
                       "timestamptz '" +
                       stopped + "'") == "0");
}

TEST_CASE("bad words about held runs are refused with what is allowed", "[work][held]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const std::vector<std::tuple<const char*, json, const char*>> table{
        {"held_release", json::object(),
         "BadArgument: neither patterns nor all is given; allowed: either patterns or all = true"},
        {"held_drop",
         {{"all", true}, {"patterns", {"a"}}},
         "BadArgument: both patterns and all are given; allowed: either patterns or all = true"},
        {"held_release",
         {{"patterns", {"a b"}}},
         "BadArgument: the pattern is \"a b\"; allowed: letters, digits, dot, dash, underscore, "
         "and "
         "the wildcards * and ?"},
        {"held_release",
         {{"all", true}, {"rate", "5/h"}},
         "BadArgument: roleswap held release: rate is \"5/h\"; allowed: a number from 1 to 60000 "
         "by "
         "second or minute, such as \"10/s\" or \"30/m\", or \"none\""},
        {"held_keep",
         {{"all", true}},
         "NotFound: no run is held, or none of this kind; see \"roleswap held list\""},
        {"held_list",
         {{"patterns", "a"}},
         "BadArgument: roleswap held list: patterns is \"a\"; allowed: a list of names of tasks, "
         "in "
         "which * stands for any text and ? for one character"},
        {"resume_all", json::object(),
         "Refused: it is not paused; for queues see \"roleswap queue list\", for the scheduler "
         "\"roleswap status\""},
    };
    for (const auto& [verb, args, refusal] : table)
        CHECK(why_not(node.call(verb, args)) == refusal);
}
