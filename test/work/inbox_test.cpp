// Requests beside what others do in the store: open transactions, locks, old snapshots; and when
// the engine looks at them.
#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;
using nlohmann::json;

namespace {

using namespace std::chrono_literals;

/// As requests of transactions that saw the engine awake: no notification.
std::string put_sql(const std::string& name, const std::string& times)
{
    return fmt::format("INSERT INTO roleswap.request (id, task, queue, priority, at) SELECT "
                       "nextval('roleswap.run_id_seq'), '{}', 'default', 0, {}",
                       name, times);
}

std::string state_of(Database& database, const std::string& name, const std::string& wanted)
{
    return database.wait_for("SELECT string_agg(DISTINCT state, ' ') || ' ' || count(*) FROM "
                             "roleswap.run WHERE task = '" +
                                 name + "'",
                             wanted);
}

constexpr const char* odd = "(date_part('microseconds', due)::bigint & 1)";

/// One node, and tasks of nothing.
struct Desk {
    explicit Desk(std::initializer_list<const char*> names)
    {
        node.start(1, database);
        for (const auto* name : names) node.call("task_add", queued_noop(name));
    }
    Database database;
    Node node{"left"};
};

/// From the next connection on.
void count_calls(Database& database)
{
    database.ask(fmt::format("ALTER DATABASE {} SET track_functions = 'all'",
                             database.ask("SELECT current_database()")));
}

/// Milliseconds, as far as the engine's connection has told them.
double spent_in_looks(Database& database)
{
    return std::stod(database.ask("SELECT coalesce(sum(total_time), 0) FROM "
                                  "pg_stat_user_functions WHERE funcname = 'admit'"));
}

} // namespace

TEST_CASE("an open list of requests keeps no other request from its run", "[work]")
{
    Desk at({"pay", "other"});
    OpenTransaction open(at.database);
    open.ask("SELECT count(*) FROM roleswap.enqueue_many('pay', array_fill(NULL::jsonb, "
             "ARRAY[1000]))");
    const auto begun = open.ask("SELECT min(due) FROM roleswap.run WHERE task = 'pay'");
    at.database.ask(put_sql(
        "pay", fmt::format("'{}'::timestamptz + n * interval '1 us' FROM generate_series(1, 500) "
                           "AS n",
                           begun)));
    at.database.ask("SELECT roleswap.enqueue('other')");
    CHECK(state_of(at.database, "pay", "ok 500") == "ok 500");
    CHECK(state_of(at.database, "other", "ok 1") == "ok 1");
    CHECK(at.node.trouble.empty());
    open.ask("COMMIT");
    CHECK(state_of(at.database, "pay", "ok 1500") == "ok 1500");
}

TEST_CASE("lists have odd due times, and nothing else has", "[work]")
{
    Desk at({"pay", "single", "person"});
    at.node.call("task_add", with(queued_noop("next"), "after", {"person"}));
    at.database.ask("SELECT roleswap.enqueue_many('pay', array_fill(NULL::jsonb, ARRAY[20]))");
    at.database.ask("SELECT roleswap.enqueue('single') FROM generate_series(1, 20)");
    at.database.ask("SELECT roleswap.put_run(nextval('roleswap.run_id_seq'), 'pay', 'default', "
                    "NULL, 0, NULL) FROM generate_series(1, 20)");
    for (int i = 0; i < 10; ++i) at.node.call("task_run", {{"name", "person"}});
    const auto ends = "SELECT count(*) FROM roleswap.run WHERE state = 'ok'";
    CHECK(at.database.wait_for(ends, "80") == "80");
    CHECK(at.database.ask(fmt::format("SELECT string_agg(DISTINCT task || {}, ' ') FROM "
                                      "roleswap.run",
                                      odd)) == "next0 pay1 person0 single0");
}

TEST_CASE("a due time that another transaction has is waited for in bounded steps", "[work]")
{
    Desk at({"pay", "other"});
    OpenTransaction open(at.database);
    open.ask("INSERT INTO roleswap.run (task, due, queue, state, epoch) VALUES ('pay', "
             "'2026-01-01', 'default', 'queued', 1)");
    at.database.ask(put_sql("pay", "'2026-01-01'"));
    at.database.ask("SELECT roleswap.enqueue('pay')"); // somebody else's, which wakes the engine
    std::vector<event::Duration> told;
    until([&] {
        for (; told.size() < at.node.trouble.size();) told.push_back(event::Loop::now());
        return told.size() >= 4;
    });
    CHECK_THAT(at.node.trouble.front(), Catch::Contains("lock timeout"));
    for (std::size_t i = 1; i < told.size(); ++i) CHECK(told[i] - told[i - 1] > 300ms);
    // What is no request goes on meanwhile.
    at.database.ask("SELECT roleswap.enqueue_many('other', '{NULL}'::jsonb[])");
    CHECK(state_of(at.database, "other", "ok 1") == "ok 1");
    open.ask("COMMIT");
    CHECK(state_of(at.database, "pay", "ok 3") == "ok 3");
}

TEST_CASE("requests are under the same rules when their due time was taken", "[work]")
{
    Desk at({"pay"});
    at.node.call("queue_set", {{"name", "spare"}, {"concurrency", 1}});
    at.node.kill();
    at.database.ask("INSERT INTO roleswap.run (task, due, queue, state, epoch, over) SELECT task, "
                    "'2026-01-01', 'default', 'ok', 1, true FROM unnest('{pay,gone}'::text[]) AS "
                    "task");
    at.database.ask(put_sql("pay", "'2026-01-01' FROM generate_series(1, 50)"));
    at.database.ask(put_sql("gone", "'2026-01-01' FROM generate_series(1, 2)"));
    at.database.ask("UPDATE roleswap.request SET queue = CASE WHEN id % 2 = 0 THEN 'removed' ELSE "
                    "'spare' END");
    CHECK(at.database.ask("SELECT roleswap.admit_all()") == "52");
    CHECK(at.database.ask("SELECT task, state, queue, why, count(*) FROM roleswap.run WHERE cause "
                          "= 'enqueued' GROUP BY 1, 2, 3, 4 ORDER BY 1, 3") ==
          "gone|skipped|removed|its task was removed|1\ngone|skipped|spare|its task was removed|1\n"
          "pay|queued|default||25\npay|queued|spare||25");
    CHECK(at.database.ask("SELECT bool_and(a.due < b.due) FROM roleswap.run AS a, roleswap.run AS "
                          "b WHERE a.task = 'pay' AND b.task = 'pay' AND a.id < b.id") == "t");
}

TEST_CASE("a request with the number of a run is an error, not a loop", "[work]")
{
    Desk at({"pay"});
    at.node.kill();
    at.database.ask("INSERT INTO roleswap.run (task, due, queue, state, epoch, over) VALUES "
                    "('pay', '2026-01-01', 'default', 'ok', 1, true)");
    at.database.ask("INSERT INTO roleswap.request (id, task, queue, priority) SELECT id, 'pay', "
                    "'default', 0 FROM roleswap.run");
    CHECK(at.database.fails_with("SELECT roleswap.admit_all()") == "23505");
    CHECK(at.database.fails_with("SELECT roleswap.put_run(id, 'pay', 'default', NULL, 0, NULL) "
                                 "FROM roleswap.run") == "23505");
}

TEST_CASE("the room of a backlog that is gone is given back", "[work]")
{
    Desk at({"pay"});
    // Too long for the engine's own VACUUM to be seen: that gives nothing back.
    at.database.ask(put_sql("pay", "clock_timestamp() FROM generate_series(1, 60000)"));
    const auto pages = [&] {
        return std::stol(at.database.ask("SELECT pg_relation_size('roleswap.request') / 8192"));
    };
    CHECK(pages() > 300);
    CHECK(at.database.wait_for("SELECT count(*) FROM roleswap.request", "0") == "0");
    CHECK(at.database.wait_for("SELECT (pg_relation_size('roleswap.request') < 8192 * 50)::text",
                               "true") == "true");
    CHECK(at.node.trouble.empty());
}

TEST_CASE("a look at many queues costs little more than one at few", "[work]")
{
    Desk at({"pay"});
    at.node.kill();
    const auto microseconds = [&](int queues) {
        OpenTransaction open(at.database);
        open.ask(fmt::format("INSERT INTO roleswap.request (id, task, queue, priority) SELECT "
                             "nextval('roleswap.run_id_seq'), 'pay', 'q' || n % {}, 0 FROM "
                             "generate_series(1, 60000) AS n",
                             queues));
        const auto spent =
            std::stod(open.ask("SELECT reading_us FROM roleswap.admit(1, '{}', 0, 0)"));
        open.ask("ROLLBACK");
        return spent;
    };
    const auto few = microseconds(3);
    CHECK(microseconds(100) < 3 * few);
}

TEST_CASE("a queue of which too little is known for ever delays no request of another", "[work]")
{
    Desk at({"dummy"});
    at.node.call("task_add",
                 with(::task("slow", "@yearly", "exec sleep 1000"), "overlap", "queue"));
    at.node.call("task_add", queued_noop("quick", "other"));
    at.database.ask(put_sql("slow", "clock_timestamp() FROM generate_series(1, 40000)"));
    const auto id = at.database.ask("SELECT roleswap.enqueue('quick')");
    CHECK(state_of(at.database, "quick", "ok 1") == "ok 1");
    CHECK(at.database.ask("SELECT count(*) > 20000 FROM roleswap.request") == "t");
}

TEST_CASE("queues that have requests share a look alike, and each has its highest", "[work]")
{
    Desk at({"pay"});
    at.node.kill();
    at.database.ask("INSERT INTO roleswap.request (id, task, queue, priority) SELECT "
                    "nextval('roleswap.run_id_seq'), 'pay', left(q, 1), n % 5 FROM "
                    "unnest('{a1000,b3,c1000,x1000,y1000}'::text[]) AS q, "
                    "generate_series(1, substr(q, 2)::integer) AS n");
    const auto taken = [&] {
        return at.database.ask("SELECT string_agg(queue || ' ' || n || ' ' || least, ', ' ORDER BY "
                               "queue) FROM (SELECT CASE WHEN queue = 'default' THEN '-' ELSE "
                               "queue END AS queue, count(*) AS n, min(priority) AS least FROM "
                               "roleswap.run GROUP BY 1) AS r");
    };
    at.database.ask("INSERT INTO roleswap.queue (name) SELECT chr(n) FROM unnest('{97,98,99,120,"
                    "121}'::integer[]) AS n");
    CHECK(at.database.ask("SELECT of_hungry, of_others FROM roleswap.admit(1, '{a,b,c}', 300, "
                          "60)") == "203|200"); // a tenth of those that wait is more than 60
    CHECK(taken() == "a 100 4, b 3 1, c 100 4, x 100 4, y 100 4");
    // However little there is to share.
    at.database.ask(
        "DELETE FROM roleswap.request WHERE ctid NOT IN (SELECT place FROM (SELECT ctid "
        "AS place, row_number() OVER (PARTITION BY queue) AS n FROM roleswap.request) "
        "AS r WHERE n <= 50)");
    CHECK(at.database.ask("SELECT of_hungry, of_others FROM roleswap.admit(1, '{a,b,c}', 10, "
                          "1)") == "40|40");
}

TEST_CASE("an old snapshot costs a bounded share of the store's time", "[work]")
{
    Desk at({"pay"});
    at.node.kill();
    count_calls(at.database);
    OpenTransaction open(at.database, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    open.ask("SELECT count(*) FROM roleswap.run");
    // As 300000 requests that became runs.
    at.database.ask(put_sql("pay", "clock_timestamp() FROM generate_series(1, 300000)"));
    at.database.ask("DELETE FROM roleswap.request");
    at.node.start(2, at.database);
    const auto begun = event::Loop::now();
    auto next = begun;
    const auto keep_it_awake = [&] {
        if (event::Loop::now() < next) return;
        at.database.ask("SELECT count(roleswap.enqueue('pay')) FROM generate_series(1, 5)");
        next = event::Loop::now() + 20ms;
    };
    until([&] {
        keep_it_awake();
        return event::Loop::now() - begun > 5s;
    });
    const std::chrono::duration<double, std::milli> all = event::Loop::now() - begun;
    const auto share = spent_in_looks(at.database) / all.count();
    std::printf("looks at requests beside 300000 dead ones: %.3f of the time\n", share);
    CHECK(share < 0.2);
    CHECK(share > 0.01); // they were looked at
    CHECK(at.database.wait_for("SELECT count(*) FROM roleswap.request", "0") == "0");
}

TEST_CASE("requests for a queue that wants them are taken without pauses", "[work]")
{
    Desk at({"pay"});
    at.node.kill();
    count_calls(at.database);
    at.node.start(2, at.database);
    at.node.call("task_add",
                 with(::task("slow", "@yearly", "exec sleep 1000"), "overlap", "queue"));
    const auto begun = event::Loop::now();
    at.database.ask(put_sql("slow", "clock_timestamp() FROM generate_series(1, 60000)"));
    CHECK(at.database.wait_for("SELECT count(*) FROM roleswap.request", "0") == "0");
    const std::chrono::duration<double, std::milli> all = event::Loop::now() - begun;
    const auto share = spent_in_looks(at.database) / all.count();
    std::printf("looks at 60000 requests that are wanted: %.3f of the time\n", share);
    CHECK(share > 0.5);
}

TEST_CASE("clearing away behind requests waits for nobody's lock", "[work]")
{
    Desk at({"pay"});
    OpenTransaction open(at.database);
    open.ask("LOCK TABLE roleswap.request IN SHARE UPDATE EXCLUSIVE MODE");
    for (int i = 0; i < 2; ++i)
        at.database.ask("SELECT count(roleswap.enqueue('pay')) FROM generate_series(1, 12000)");
    CHECK(state_of(at.database, "pay", "ok 24000") == "ok 24000");
    at.database.ask("SELECT roleswap.enqueue('pay')");
    CHECK(state_of(at.database, "pay", "ok 24001") == "ok 24001");
    CHECK(at.node.trouble.empty());
}

TEST_CASE("an engine that looks for requests under an old epoch knows that it is superseded",
          "[work]")
{
    Desk at({"pay"});
    until([&] { return at.node.engine.pending_requests() == 0; });
    at.database.ask("SELECT roleswap.claim_epoch(2, 'right')");
    at.database.ask("SELECT roleswap.enqueue('pay')");
    until([&] { return !at.node.superseded.empty(); });
    CHECK_THAT(at.node.superseded.front(), Catch::Contains("epoch 1 is not the current one"));
    CHECK(at.node.trouble.empty());
    CHECK(at.database.ask("SELECT count(*) FROM roleswap.run") == "0");
}

TEST_CASE("a request that is committed while the engine goes to sleep is found soon", "[work]")
{
    Desk at({"pay"});
    // It has been asleep for long and looks every 5 s; then it begins anew.
    const auto look = "SELECT max(query_start) < clock_timestamp() - interval '2 s' FROM "
                      "pg_stat_activity WHERE datname = current_database() AND pid <> "
                      "pg_backend_pid()";
    CHECK(at.database.wait_for(look, "t") == "t");
    const auto begun = event::Loop::now();
    at.database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                    "current_database() AND pid <> pg_backend_pid()");
    until([&] { return !at.node.trouble.empty(); });
    CHECK(at.node.call("run_list", {{"limit", 1}}).at("runs").empty()); // it is back
    until([&] { return at.node.engine.pending_requests() == 0; });
    at.database.ask(put_sql("pay", "clock_timestamp()"));
    CHECK(state_of(at.database, "pay", "ok 1") == "ok 1");
    CHECK(event::Loop::now() - begun < 2500ms);
}
