#include "work/keepsakes.hpp"
#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

namespace {

/// A run as the store of an old master holds it.
json run_line(const std::string& task, const std::string& due, const std::string& state = "ok")
{
    return {{"kind", "run"},
            {"row",
             {{"id", 900},
              {"task", task},
              {"due", due},
              {"cause", "due"},
              {"queue", "default"},
              {"state", state},
              {"epoch", 1},
              {"node", "right"},
              {"attempt", 1},
              {"retries_used", 0},
              {"created_at", due},
              {"started_at", due},
              {"ended_at", state == "running" ? json() : json(due)},
              {"duration_ms", 12},
              {"exit_code", 0},
              {"output_tail", "done there\n"}}}};
}

json lines(const std::vector<json>& all)
{
    return {{"holder", "right"}, {"lines", all}};
}

constexpr const char* noon = "2026-11-22T12:00:00.000Z";
constexpr const char* later = "2026-11-22T12:00:01.250Z";

} // namespace

TEST_CASE("server history holds what was not known, once, however often it comes", "[work]")
{
    Database database;
    Node node("left");
    node.start(2, database);
    database.ask(
        "INSERT INTO roleswap.run (task, due, queue, state, epoch, over, ended_at) VALUES "
        "('known', '2026-11-22T12:00:00Z', 'default', 'ok', 1, true, '2026-11-22T12:00:00Z')");
    const auto all =
        lines({run_line("known", noon), run_line("fresh", noon), run_line("fresh", later, "failed"),
               run_line("begun", noon, "running")});
    CHECK(node.call("history_add", all) == json{{"added", 3}, {"undecided", 2}});
    CHECK(node.call("history_add", all) == json{{"added", 0}, {"undecided", 2}});
    const auto list = node.call("history_list").at("history");
    REQUIRE(list.size() == 2);
    CHECK(list[0].at("task") == "fresh");
    CHECK(list[0].at("due") == noon);
    CHECK(list[1].at("run_state") == "failed");
    CHECK(list[1].at("here").is_null());
    CHECK(node.call("history_list", {{"state", "recorded"}}).at("history")[0].at("task") ==
          "begun");
    CHECK(node.engine.status_part().at("history").at("undecided") == 2);
    CHECK(database.ask("SELECT count(*) FROM roleswap.run") == "1");
}

TEST_CASE("a retry of a lost master is told, a run that it had not started is not", "[work]")
{
    Database database;
    Node node("left");
    node.start(2, database);
    database.ask("INSERT INTO roleswap.run (task, due, queue, state, epoch) SELECT task, "
                 "'2026-11-22T12:00:00Z', 'default', 'queued', 2 FROM unnest('{new,tried,begun}'"
                 "::text[]) AS task");
    auto fresh = run_line("new", noon, "queued");
    auto retry = run_line("tried", noon, "queued");
    auto begun = run_line("begun", noon, "queued");
    fresh["row"]["started_at"] = retry["row"]["started_at"] = nullptr;
    retry["row"]["attempt"] = 2;
    CHECK(node.call("history_add", lines({fresh, retry, begun})).at("added") == 2);
    CHECK(database.ask("SELECT string_agg(task, ' ' ORDER BY task) FROM roleswap.server_history "
                       "WHERE state = 'undecided'") == "begun tried");
}

TEST_CASE("a request has the columns of a run, in the view and in the history", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", task("mine", "@yearly", "true"));
    node.kill();
    const auto columns = [&](const std::string& table) {
        return database.ask("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute "
                            "WHERE attnum > 0 AND NOT attisdropped AND attrelid = 'roleswap." +
                            table + "'::regclass");
    };
    CHECK(columns("all_runs") == columns("run"));
    database.ask("SELECT roleswap.enqueue('mine', '{\"sum\": 5}', priority => 7, not_before => "
                 "'2030-01-01Z')");
    const auto kept = [&](std::size_t which) {
        auto sql = work::keepsakes().at(which).sql;
        for (auto at = sql.find("{since}"); at != std::string::npos; at = sql.find("{since}"))
            sql.replace(at, 7, "NULL::xid");
        return json::parse(database.ask(sql));
    };
    const auto as_request = kept(1);
    CHECK(json::parse(database.ask("SELECT to_jsonb(r) FROM roleswap.all_runs AS r")) ==
          as_request);
    database.ask("SELECT roleswap.admit_all()");
    CHECK(kept(0) == as_request);
}

TEST_CASE("a whole table is compared by what the master has of the epoch", "[work]")
{
    Database database;
    Node node("left");
    node.start(2, database);
    database.ask(
        "INSERT INTO roleswap.run (task, due, queue, state, epoch, over, ended_at) VALUES "
        "('other', '2026-11-22T20:00:00Z', 'default', 'ok', 1, true, '2026-11-22T20:00:00Z')");
    auto old = run_line("pruned", noon);
    auto fresh = run_line("fresh", "2026-11-22T20:30:00.000Z");
    old["whole"] = fresh["whole"] = true;
    CHECK(node.call("history_add", lines({old, fresh})).at("added") == 1);
    CHECK(node.call("history_list").at("history")[0].at("task") == "fresh");
}

TEST_CASE("an accepted run is in the run table as it ended there", "[work]")
{
    Database database;
    Node node("left");
    node.start(2, database);
    node.call("history_add", lines({run_line("fresh", noon), run_line("fresh", later)}));
    const auto id = node.call("history_list").at("history")[0].at("id");
    CHECK(node.call("history_accept", {{"id", id}}) == json{{"accepted", {id}}, {"undecided", 1}});
    CHECK(database.ask("SELECT state, node, epoch, exit_code, output_tail, duration_ms FROM "
                       "roleswap.run") == "ok|right|2|0|done there\n|12");
    CHECK(node.call("history_accept", {{"id", id}}).at("error") == "Refused");
    CHECK(node.call("history_accept", {{"id", 4711}}).at("error") == "Refused");
    CHECK(node.call("history_dismiss", {{"all", true}}).at("undecided") == 0);
    CHECK(database.ask("SELECT count(*) FROM roleswap.run") == "1");
    CHECK(database.ask("SELECT string_agg(state || ' by ' || decided_by, ', ' ORDER BY id) FROM "
                       "roleswap.server_history") == "accepted by tester, dismissed by tester");
    CHECK(node.call("history_show", {{"id", id}}).at("history").at("row").at("node") == "right");
    CHECK(node.noted("history_decided"));
}

TEST_CASE("what was only enqueued at a lost master can be accepted, and runs then", "[work]")
{
    Database database;
    Node node("left");
    node.start(2, database);
    node.call("task_add", task("pay", "@yearly", "cat"));
    auto line = run_line("pay", noon, "queued");
    line["row"]["cause"] = "enqueued";
    line["row"]["payload"] = {{"sum", 5}};
    for (const char* field : {"started_at", "ended_at", "duration_ms", "exit_code", "output_tail"})
        line["row"][field] = nullptr;
    CHECK(node.call("history_add", lines({line})) == json{{"added", 1}, {"undecided", 1}});
    CHECK(node.call("history_accept", {{"all", true}}).at("accepted").size() == 1);
    CHECK(database.wait_for("SELECT state, output_tail FROM roleswap.run", "ok|{\"sum\": 5}") ==
          "ok|{\"sum\": 5}");
}

TEST_CASE("a run that was started here is not overwritten, one that waits is", "[work]")
{
    Database database;
    Node node("left");
    node.start(2, database);
    node.call("task_add", task("mine", "@yearly", "true"));
    node.call("queue_hold", {{"name", "default"}, {"reason", "test"}});
    node.call("task_run", {{"name", "mine"}});
    const auto due = database.ask("SELECT to_json(due) #>> '{}' FROM roleswap.run");
    database.ask("INSERT INTO roleswap.run (task, due, queue, state, epoch, over, ended_at) VALUES "
                 "('ran', '2026-11-22T12:00:00Z', 'default', 'failed', 2, true, now())");
    // Of the two one was run twice; the other one waits here and is told by its state.
    CHECK(node.call("history_add", lines({run_line("mine", due), run_line("ran", noon)})) ==
          json{{"added", 2}, {"undecided", 2}, {"twice", 1}});
    const auto result = node.call("history_accept", {{"all", true}});
    CHECK(result.at("accepted").size() == 1);
    CHECK(result.at("undecided") == 1);
    CHECK(node.call("history_list").at("history")[0].at("here").at("state") == "failed");
    CHECK(node.call("queue_release", {{"name", "default"}}).at("released") == json{"default"});
    CHECK(database.ask("SELECT state, node, attempt FROM roleswap.run WHERE task = 'mine'") ==
          "ok|right|1");
    const auto status = node.engine.status_part();
    for (const auto& queue : status.at("queues")) CHECK(queue.at("waiting") == 0);
    CHECK(node.call("history_accept", {{"task", "ran"}}).at("accepted").empty());
}

TEST_CASE("the queries of an old master's store give the lines that a new one takes", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", task("mine", "@yearly", "echo here"));
    node.call("task_run", {{"name", "mine"}});
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'ok'", "1") == "1");
    node.call("operation_begin", {{"kind", "swap"}, {"owner_pid", 1}, {"owner_node", "left"}});
    node.kill();
    database.ask("SELECT roleswap.enqueue('mine')"); // nobody makes a run of it
    std::vector<json> all;
    for (const auto& keepsake : work::keepsakes()) {
        auto sql = keepsake.sql;
        for (auto at = sql.find("{since}"); at != std::string::npos; at = sql.find("{since}"))
            sql.replace(at, 7, "NULL::xid");
        const auto text = database.ask(sql);
        REQUIRE_FALSE(text.empty());
        all.push_back({{"kind", keepsake.kind}, {"row", json::parse(text)}});
    }
    node.start(1, database);
    CHECK(node.call("history_add", lines(all)).at("added") == 0); // its own: all known
    database.ask("TRUNCATE roleswap.run, roleswap.task, roleswap.operation CASCADE");
    CHECK(node.call("history_add", lines(all)).at("added") == 4);
}

TEST_CASE("what a node that joins may fetch: nothing without the password, then two texts",
          "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    CHECK(
        node.call("join_password", {{"verifier", "secret"}, {"sealed_key", "1:abc"}}).at("error") ==
        "BadArgument");
    // Of another length the server would take it for a password.
    const std::string salted = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0";
    CHECK(node.call("join_password",
                    {{"verifier", salted + "$Y2xpZW50:c2VydmVy"}, {"sealed_key", "1:abc"}})
              .at("error") == "BadArgument");
    const std::string verifier = fmt::format("{}${:A<43}=:{:B<42}A=", salted, "stored", "server");
    CHECK(node.call("join_password", {{"verifier", verifier}, {"sealed_key", "1:abc"}}) ==
          json::object());
    CHECK(node.noted("join_password"));
    CHECK(database.ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'roleswap_join'") ==
          verifier);
    CHECK(database.ask("SET ROLE roleswap_join; SELECT sealed_key, master FROM "
                       "roleswap_join.offer()") == "1:abc|left");
    CHECK(database.fails_with("SELECT * FROM roleswap.join_offer") == "42501");
    CHECK(database.fails_with("SELECT * FROM roleswap.task") == "42501");
    database.ask("RESET ROLE");
}
