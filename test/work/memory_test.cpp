#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

namespace {

/// A master with a run that lasts, and the token of that run as its task sees it.
struct Remembering {
    explicit Remembering(core::Epoch epoch = 1)
    {
        node.start(epoch, database);
        node.call("task_add", with(::task("loop", "@yearly", "sleep 1000"), "retries", 3));
        run = node.call("task_run", {{"name", "loop"}}).at("id").get<std::int64_t>();
        until([&] { return node.executor.alive() == 1; });
        token = token_in_store();
    }
    std::string token_in_store()
    {
        return database.ask(fmt::format(
            "SELECT roleswap.memory_token(id, attempt, epoch) FROM roleswap.run WHERE id = {}",
            run));
    }
    json args(const json& more = json::object()) const
    {
        json all{{"run", run}, {"token", token}};
        all.update(more);
        return all;
    }
    json begin(const std::vector<std::string>& items, const std::string& policy = "hold")
    {
        return node.call("memory_begin", args({{"items", items}, {"in_doubt", policy}}));
    }
    json seen(const std::vector<std::string>& items)
    {
        return node.call("memory_seen", args({{"items", items}})).at("states");
    }
    std::string call_sql(const std::string& function, const std::string& more) const
    {
        return fmt::format("SELECT roleswap.{}({}, '{}'{})", function, run, token, more);
    }
    Database database;
    Node node{"left"};
    std::int64_t run = 0;
    std::string token;
};

json states(const std::vector<std::string>& words)
{
    return {{"states", words}};
}

} // namespace

TEST_CASE("a task finds its run, its token and the control socket in its environment", "[work]")
{
    Database database;
    Node node("left", [](work::Settings& settings) { settings.task_socket = "/run/here/ctl"; });
    node.start(7, database);
    node.call("task_add", ::task("env", "@yearly", "env | grep -E '_(RUN|TOKEN|SOCKET)=' | sort"));
    node.call("task_run", {{"name", "env"}});
    CHECK(database.wait_for("SELECT output_tail FROM roleswap.run WHERE state = 'ok'",
                            "ROLESWAP_RUN=1\nROLESWAP_SOCKET=/run/here/ctl\nROLESWAP_TOKEN=" +
                                database.ask("SELECT roleswap.memory_token(1, 1, 7)") + "\n") !=
          "");
    CHECK(database.ask("SELECT output_tail LIKE '%=' || roleswap.memory_token(1, 1, 7) || E'\\n' "
                       "FROM roleswap.run") == "t");
}

TEST_CASE("what is begun and done is remembered, and nothing is begun twice", "[work]")
{
    Remembering at;
    CHECK(at.begin({"a", "b"}) == states({"begun", "begun"}));
    CHECK(at.begin({"b"}) == states({"begun"})); // once more in the same attempt
    CHECK(at.node.call("memory_done", at.args({{"items", {"a"}}})) == states({"done"}));
    CHECK(at.begin({"a", "c"}) == states({"done", "begun"}));
    CHECK(at.seen({"a", "b", "x"}) == json{"done", "begun", "never"});
    // What ended goes with what begins, and only the latter is told.
    CHECK(at.node.call("memory_begin",
                       at.args({{"items", {"d"}}, {"done", {"b"}}, {"failed", {"c"}}})) ==
          states({"begun"}));
    CHECK(at.seen({"b", "c", "d"}) == json{"done", "failed", "begun"});
    CHECK(at.begin({"c"}) == states({"begun"})); // it failed: it is no doubt
}

TEST_CASE("an item begun by an earlier attempt is in doubt and follows the policy", "[work]")
{
    Remembering at;
    at.begin({"hold", "redo", "skip", "done"});
    at.node.call("memory_done", at.args({{"items", {"done"}}}));
    at.node.kill(); // the master dies with its tasks
    Node heir("right");
    heir.start(2, at.database);
    until([&] { return heir.executor.alive() == 1; });
    const auto old_token = std::exchange(at.token, at.token_in_store());
    const auto begin = [&](const std::string& item, const std::string& policy) {
        return heir.call("memory_begin", at.args({{"items", {item}}, {"in_doubt", policy}}))
            .at("states")
            .at(0);
    };
    CHECK(begin("hold", "hold") == "in doubt");
    CHECK(begin("redo", "redo") == "begun");
    CHECK(begin("redo", "hold") == "begun"); // it is this attempt's now
    CHECK(begin("skip", "skip") == "skipped");
    CHECK(begin("skip", "redo") == "skipped");
    CHECK(begin("done", "redo") == "done");
    const auto memory = heir.call("run_show", {{"id", at.run}}).at("run").at("memory");
    CHECK(memory.at("in_doubt") == 1);
    CHECK(memory.at("repeated") == 1);
    CHECK(memory.at("skipped") == 1);
    CHECK(memory.at("done") == 1);
    CHECK(memory.at("doubtful").size() == 3);
    SECTION("the token of the attempt before is void")
    {
        at.token = old_token;
        CHECK_THAT(why_not(heir.call("memory_done", at.args({{"items", {"hold"}}}))),
                   Catch::StartsWith("Denied: this is not the token of attempt 2"));
        CHECK(at.database.fails_with(at.call_sql("memory_done", ", 'hold'")) == "RS010");
    }
    SECTION("an operator decides")
    {
        const auto resolve = [&](const std::string& item, const std::string& decision) {
            return heir.call("memory_resolve",
                             {{"id", at.run}, {"item", item}, {"decision", decision}});
        };
        CHECK(resolve("hold", "done").at("decision") == "done");
        CHECK(resolve("skip", "redo").at("decision") == "redo");
        CHECK(begin("hold", "hold") == "done");
        CHECK(begin("skip", "hold") == "begun");
        CHECK_THAT(why_not(resolve("redo", "done")), Catch::Contains("is being worked on"));
        CHECK_THAT(why_not(resolve("done", "redo")), Catch::Contains("is done; only what is in"));
        CHECK_THAT(why_not(resolve("none", "redo")), Catch::StartsWith("NotFound: item \"none\""));
        CHECK(heir.noted("memory_resolved"));
    }
}

TEST_CASE("only the token of a run that is running opens its memory", "[work]")
{
    Remembering at;
    auto wrong = at.args({{"items", {"a"}}});
    wrong["token"] = std::string(64, '0');
    CHECK_THAT(why_not(at.node.call("memory_begin", wrong)), Catch::StartsWith("Denied: "));
    wrong["token"] = "short";
    CHECK_THAT(why_not(at.node.call("memory_begin", wrong)), Catch::StartsWith("Denied: "));
    wrong["run"] = at.run + 1;
    CHECK_THAT(why_not(at.node.call("memory_begin", wrong)),
               Catch::StartsWith("Refused: run 2 is not running on left"));
    CHECK(at.database.fails_with(
              fmt::format("SELECT roleswap.memory_begin({}, 'x', 'a')", at.run)) == "RS010");
    CHECK(at.database.fails_with("SELECT roleswap.memory_begin(99, 'x', 'a')") == "RS011");
    SECTION("not that of another run")
    {
        const auto first = at.token;
        at.node.call("task_add", ::task("other", "@yearly", "sleep 1000"));
        at.run = at.node.call("task_run", {{"name", "other"}}).at("id").get<std::int64_t>();
        until([&] { return at.node.executor.alive() == 2; });
        CHECK_THAT(why_not(at.begin({"a"})), Catch::StartsWith("Denied: "));
        CHECK(at.database.fails_with(at.call_sql("memory_begin", ", 'a'")) == "RS010");
        CHECK(first != at.token_in_store());
    }
    SECTION("not after its end, though it was known to be right")
    {
        CHECK(at.database.ask(at.call_sql("memory_begin", ", 'a'")) == "begun");
        CHECK(at.database.ask("SELECT count(*) FROM roleswap.memory_pass") == "1");
        at.node.call("run_kill", {{"id", at.run}});
        CHECK(at.database.wait_for("SELECT state FROM roleswap.run", "killed") == "killed");
        CHECK(at.database.fails_with(at.call_sql("memory_begin", ", 'b'")) == "RS011");
        CHECK_THAT(why_not(at.begin({"b"})), Catch::StartsWith("Refused: run 1 is not running"));
    }
    SECTION("not under another epoch, though it was known to be right")
    {
        CHECK(at.database.ask(at.call_sql("memory_begin", ", 'a'")) == "begun");
        at.database.ask("UPDATE roleswap.term SET epoch = 2");
        CHECK(at.database.fails_with(at.call_sql("memory_begin", ", 'b'")) == "RS001");
        CHECK(why_not(at.begin({"b"})).starts_with("NotMaster: "));
    }
}

TEST_CASE("the next attempt of a run has another token, the one before is void", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    auto object =
        with(::task("twice", "@yearly", "echo $ROLESWAP_TOKEN; sleep 1000"), "retries", 1);
    object = with(object, "timeout_ms", 300);
    object = with(object, "retry_delay_ms", 1);
    node.call("task_add", object);
    node.call("task_run", {{"name", "twice"}});
    until([&] { return node.lines.size() == 1; });
    const auto first = node.lines.at(0);
    CHECK(database.ask("SELECT roleswap.memory_begin(1, '" + first + "', 'a')") == "begun");
    until([&] { return node.lines.size() == 2; });
    CHECK(database.fails_with("SELECT roleswap.memory_done(1, '" + first + "', 'a')") == "RS010");
    CHECK(database.ask("SELECT roleswap.memory_begin(1, '" + node.lines.at(1) + "', 'a')") ==
          "in doubt");
}

TEST_CASE("items and values out of their limits are refused by place and limit", "[work]")
{
    Remembering at;
    const auto why = [&](const json& items) {
        return why_not(at.node.call("memory_begin", at.args({{"items", items}})));
    };
    CHECK_THAT(why({""}), Catch::Contains("an item has 0 bytes; allowed are 1 to 2048"));
    CHECK_THAT(why({std::string(2049, 'x')}), Catch::Contains("an item has 2049 bytes"));
    CHECK_THAT(why({std::string("a\0b", 3)}), Catch::Contains("without NUL bytes"));
    CHECK_THAT(why({1}), Catch::Contains("allowed: a list of items"));
    CHECK_THAT(why(std::vector<std::string>(1001, "x")), Catch::Contains("at most 1000"));
    CHECK(at.begin({std::string(2048, 'x')}) == states({"begun"}));
    // Random text does not shrink in an index: the longest item must fit all the same.
    CHECK(
        at.database.ask(at.call_sql(
            "memory_begin",
            ", (SELECT left(string_agg(md5(i::text), ''), 2048) FROM generate_series(1, 64) i)")) ==
        "begun");
    CHECK(at.database.fails_with(at.call_sql("memory_begin", ", repeat('x', 2049)")) == "RS012");
    CHECK(at.database.fails_with(at.call_sql("memory_begin", ", ''")) == "RS012");
    CHECK(at.database.fails_with(at.call_sql("memory_begin", ", 'a', 'maybe'")) == "RS012");
    const auto set = [&](const std::string& key, const json& value) {
        return why_not(at.node.call("memory_set", at.args({{"key", key}, {"value", value}})));
    };
    CHECK_THAT(set(std::string(257, 'k'), "v"), Catch::Contains("a key has 257 bytes"));
    CHECK_THAT(set("k", std::string(65537, 'v')), Catch::Contains("a value has 65537 bytes"));
    CHECK(set("k", std::string(65536, 'v')) == ": ");
    CHECK(set("k", "") == ": ");
    CHECK(at.node.call("memory_get", at.args({{"key", "k"}})).at("value") == "");
    CHECK(set("k", nullptr) == ": ");
    CHECK(at.node.call("memory_get", at.args({{"key", "k"}})).at("value").is_null());
}

TEST_CASE("applications reach the memory by functions alone", "[work]")
{
    Remembering at;
    at.database.ask("DROP ROLE IF EXISTS some_app; CREATE ROLE some_app IN ROLE roleswap_app");
    at.database.ask("SET ROLE some_app");
    CHECK(at.database.ask(at.call_sql("memory_begin", ", 'a'")) == "begun");
    CHECK(at.database.ask(fmt::format("SELECT item, state FROM roleswap.memory_begin_all({}, '{}', "
                                      "ARRAY['a', 'b', 'b'])",
                                      at.run, at.token)) == "a|begun\nb|begun");
    at.database.ask(at.call_sql("memory_done_all", ", ARRAY['a']"));
    at.database.ask(at.call_sql("memory_failed", ", 'b'"));
    CHECK(at.database.ask(at.call_sql("memory_seen", ", 'a'")) == "done");
    CHECK(at.database.ask(at.call_sql("memory_seen", ", 'b'")) == "failed");
    CHECK(at.database.ask(at.call_sql("memory_seen", ", 'c'")) == "never");
    at.database.ask(at.call_sql("memory_set", ", 'k', 'v'"));
    CHECK(at.database.ask(at.call_sql("memory_get", ", 'k'")) == "v");
    CHECK(at.database.ask(fmt::format("SELECT item, state, attempt, node FROM "
                                      "roleswap.memory_list({}, '{}')",
                                      at.run, at.token)) == "a|done|1|left\nb|failed|1|left");
    for (const char* forbidden :
         {"SELECT value FROM roleswap.setting", "SELECT roleswap.memory_token(1, 1, 1)",
          "SELECT token FROM roleswap.memory_pass", "SELECT item FROM roleswap.memory_item",
          "SELECT roleswap.memory_mark(1, 1, 'left', 'done', 'x')",
          "SELECT roleswap.claim_epoch(9, 'left')"})
        CHECK(at.database.fails_with(forbidden) == "42501");
    at.database.ask("RESET ROLE");
    // The session's own wish for less is not followed: a mark is on both nodes.
    at.database.ask("BEGIN; SET LOCAL synchronous_commit = off");
    at.database.ask(at.call_sql("memory_done", ", 'c'"));
    CHECK(at.database.ask("SHOW synchronous_commit") == "on");
    at.database.ask("COMMIT");
}

TEST_CASE("sixty-four callers at once are all answered, by few commits", "[work]")
{
    Remembering at;
    int answered = 0;
    for (int caller = 0; caller < 64; ++caller)
        at.node.engine.handle(
            "memory_begin", at.args({{"items", {"i" + std::to_string(caller / 2)}}}), {},
            {.done = [&](const json& answer) { answered += answer == states({"begun"}); },
             .failed = [&](const work::VerbError&) {}});
    until([&] { return answered == 64; });
    CHECK(at.database.ask("SELECT count(*) FROM roleswap.memory_item") == "32");
    CHECK(at.database.ask("SELECT count(DISTINCT xmin::text) <= 3 FROM roleswap.memory_item") ==
          "t");
}

TEST_CASE("marks are answered rightly when the store dies in the middle of commits", "[work]")
{
    Remembering at;
    std::map<std::string, std::string> told;
    int open = 0;
    const auto send = [&](const std::string& item) {
        ++open;
        at.node.engine.handle("memory_begin", at.args({{"items", {item}}}), {},
                              {.done =
                                   [&told, &open, item](const json& answer) {
                                       told[item] = answer.at("states").at(0);
                                       --open;
                                   },
                               .failed =
                                   [&told, &open, item](const work::VerbError& error) {
                                       told[item] = error.why;
                                       --open;
                                   }});
    };
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 20; ++i) {
            send(fmt::format("{}-{}", round, i));
            if (i == 10) sd_event_run(the_loop().get(), 0); // some are under way
        }
        if (round == 2) {
            the_cluster().kill();
            the_cluster().start();
        } else {
            at.database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname "
                            "= current_database() AND pid <> pg_backend_pid()");
        }
        until([&] { return open == 0; });
    }
    CHECK(told.size() == 100);
    for (const auto& [item, answer] : told) {
        INFO(item << ": " << answer);
        CHECK(answer == "begun");
    }
    CHECK(at.database.ask("SELECT count(*) FROM roleswap.memory_item WHERE state = 'begun' AND "
                          "doubts = 0 AND attempt = 1") == "100");
}

TEST_CASE("a transaction that holds an item does not hold the engine", "[work]")
{
    Remembering at;
    at.database.ask("BEGIN");
    at.database.ask(at.call_sql("memory_begin", ", 'held'"));
    CHECK_THAT(why_not(at.begin({"held"})), Catch::StartsWith("Failed: the store: "));
    CHECK(at.begin({"free"}) == states({"begun"}));
    at.database.ask("ROLLBACK");
    CHECK(at.begin({"held"}) == states({"begun"}));
}

TEST_CASE("the memory of a run goes with the run", "[work]")
{
    Remembering at;
    at.begin({"a", "b"});
    at.node.call("memory_set", at.args({{"key", "k"}, {"value", "v"}}));
    at.database.ask(
        "INSERT INTO roleswap.memory_item (run, item, attempt, node) SELECT r, i::text, "
        "1, 'left' FROM generate_series(50, 52) r, generate_series(1, 5) i; INSERT "
        "INTO roleswap.memory_value (run, key, value) VALUES (50, 'k', 'v')");
    at.node.kill();
    Node heir("right", [](work::Settings& settings) {
        settings.house_period = std::chrono::milliseconds(50);
    });
    heir.start(2, at.database);
    CHECK(at.database.wait_for("SELECT string_agg(DISTINCT run::text, ',') FROM "
                               "roleswap.memory_item",
                               "1") == "1");
    CHECK(at.database.wait_for("SELECT run FROM roleswap.memory_value", "1") == "1");
    const auto shown = heir.call("memory_show", {{"id", at.run}, {"state", "in doubt"}});
    INFO(shown.dump());
    CHECK(shown.at("items").size() == 2);
    CHECK(shown.at("values").at(0).at("value") == "v");
    CHECK(why_not(heir.call("memory_show", {{"id", 50}})).starts_with("NotFound: there is no run"));
}
