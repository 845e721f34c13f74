// What house-keeping deletes, how far it looks for that, and when.
#include "world.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace roleswap;

namespace {

/// Ended runs of a task, one each hour from `from` hours ago on.
void add_ended(Database& database, const std::string& task, int from, int runs)
{
    database.ask(fmt::format(
        "INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, over, ended_at) "
        "SELECT '{0}', t, 'due', 'default', 'ok', 1, true, t FROM (SELECT now() - n * interval '1 "
        "h'"
        " AS t FROM generate_series({1}, {2}) n) AS times",
        task, from, from + runs - 1));
}

std::function<void(work::Settings&)> keeping(std::uint32_t runs, std::uint32_t days)
{
    return [=](work::Settings& settings) {
        settings.keep_runs = runs;
        settings.keep_days = days;
        settings.house_period = std::chrono::milliseconds(50);
    };
}

constexpr const char* runs_left =
    "SELECT task, count(*) FROM roleswap.run GROUP BY task ORDER BY task";

} // namespace

TEST_CASE("old runs leave the history", "[work]")
{
    Database database;
    Node node("left", keeping(3, 30));
    node.start(1, database);
    node.call("scheduler_stop", {{"reason", "old runs go all the same"}});
    node.call("task_add", ::task("many", "@yearly", "true"));
    node.call("task_add", ::task("old", "@yearly", "true"));
    node.call("task_run", {{"name", "many"}});
    add_ended(database, "many", 1, 10);
    add_ended(database, "old", 20 * 24, 1);
    add_ended(database, "old", 40 * 24, 1);
    add_ended(database, "removed, long ago", 31 * 24, 5000); // more than one slice
    CHECK(database.wait_for(runs_left, "many|3\nold|1") == "many|3\nold|1");
    CHECK(database.ask("SELECT max(due) > now() - interval '2 h' FROM roleswap.run "
                       "WHERE task = 'many'") == "t");
}

TEST_CASE("runs that wait or are held stay however old they are", "[work]")
{
    Database database;
    Node node("left", keeping(2, 30));
    node.start(1, database);
    node.call("queue_hold", {{"name", "default"}});
    node.call("task_add", ::task("late", "@yearly", "true"));
    add_ended(database, "late", 40 * 24, 3);
    add_ended(database, "late", 1, 4);
    database.ask("INSERT INTO roleswap.run (task, due, cause, queue, state, epoch) VALUES "
                 "('late', now() - interval '50 d', 'due', 'default', 'queued', 1)");
    database.ask(
        "INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, over, held_since) "
        "VALUES ('late', now() - interval '51 d', 'due', 'default', 'held', 1, true, now())");
    const auto left = "SELECT string_agg(state, ' ' ORDER BY due) FROM roleswap.run";
    CHECK(database.wait_for(left, "held queued ok ok") == "held queued ok ok");
}

TEST_CASE("runs of unknown end stay, and take the place of no other", "[work]")
{
    Database database;
    Node node("left", keeping(3, 30));
    node.start(1, database);
    node.call("queue_hold", {{"name", "default"}});
    node.call("task_add", queued_noop("many"));
    add_ended(database, "many", 1, 10);
    database.ask(
        "UPDATE roleswap.run SET state = 'interrupted' WHERE due > now() - interval '5.5 h'");
    // Waiting ones take none either.
    database.ask("SELECT count(*) FROM roleswap.enqueue_many('many', "
                 "array_fill(NULL::jsonb, ARRAY[20]))");
    const auto left = "SELECT state, count(*) FROM roleswap.run GROUP BY state ORDER BY state";
    CHECK(database.wait_for(left, "interrupted|5\nok|3\nqueued|20") ==
          "interrupted|5\nok|3\nqueued|20");
}

TEST_CASE("the last due times keep their rows", "[work]")
{
    Database database;
    Node node("left", keeping(3, 30));
    node.start(1, database);
    node.call("task_add", ::task("often", "@yearly", "true"));
    database.ask("INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, over, ended_at) "
                 "SELECT 'often', t, CASE WHEN n % 2 = 0 THEN 'due' ELSE 'manual' END, 'default', "
                 "'ok', 1, true, t FROM (SELECT n, now() - n * interval '1 min' AS t FROM "
                 "generate_series(1, 200) n) AS times");
    // 60 of the last two hours, and two more of the newest three.
    CHECK(database.wait_for("SELECT count(*) BETWEEN 60 AND 62 FROM roleswap.run", "t") == "t");
    CHECK(database.ask("SELECT count(*) BETWEEN 58 AND 60 FROM roleswap.run WHERE cause = 'due'") ==
          "t");
}

TEST_CASE("what belonged to old requests and ends goes after as many days", "[work]")
{
    Database database;
    Node node("left", keeping(1000, 30));
    node.start(1, database);
    database.ask(
        "INSERT INTO roleswap.enqueue_key (task, key, run, made_at) SELECT 'x', n::text, n, "
        "now() - interval '40 d' FROM generate_series(1, 5000) n UNION ALL "
        "SELECT 'x', 'young', 0, now() - interval '20 d'");
    database.ask("INSERT INTO roleswap.after_end (task, ended_run, predecessor, state, waits, at) "
                 "SELECT 'x', n, 'y', 'ok', n = 7, now() - interval '40 d' "
                 "FROM generate_series(1, 5000) n");
    CHECK(database.wait_for("SELECT string_agg(key, ' ') FROM roleswap.enqueue_key", "young") ==
          "young");
    CHECK(database.wait_for("SELECT string_agg(ended_run::text, ' ') FROM roleswap.after_end",
                            "7") == "7");
}

TEST_CASE("a sweep comes by every task, and removed ones", "[work]")
{
    Database database;
    Node node("left", keeping(1000, 30));
    node.start(1, database);
    // More than one slice looks at.
    for (int n = 0; n < 450; ++n) add_ended(database, fmt::format("task {:03}", n), 29 * 24, 49);
    CHECK(database.wait_for(runs_left + std::string(" LIMIT 1"), "task 000|24") == "task 000|24");
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run", std::to_string(450 * 24)) ==
          std::to_string(450 * 24));
}

/// Once room in the table is used again, old and new runs stand side by side in it.
TEST_CASE("a sweep reads nothing of what stays", "[work]")
{
    Database database;
    Node node("left", keeping(1000, 30));
    node.start(1, database);
    add_ended(database, "rare", 29 * 24, 10'000);
    const auto gone = [&](int rows) { // counted together with what was read
        return database.wait_for("SELECT n_tup_del FROM pg_stat_all_tables "
                                 "WHERE relid = 'roleswap.run'::regclass",
                                 std::to_string(rows)) == std::to_string(rows);
    };
    REQUIRE(gone(10'000 - 24));
    database.ask("VACUUM roleswap.run");
    database.ask("INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, over, ended_at) "
                 "SELECT 'often', t, 'due', 'default', 'ok', 1, true, t FROM (SELECT now() - n * "
                 "interval '1 s' AS t FROM generate_series(1, 50000) n) AS times");
    const auto pages =
        std::stol(database.ask("SELECT pg_relation_size('roleswap.run_task_due_key') / 8192"));
    const auto read = [&] {
        database.ask("SELECT pg_stat_force_next_flush()");
        return std::stol(
            database.ask("SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit "
                         "FROM pg_statio_all_tables WHERE relid = 'roleswap.run'::regclass"));
    };
    add_ended(database, "rare", 40 * 24, 1);
    REQUIRE(gone(10'000 - 23));
    const auto before = read();
    add_ended(database, "rare", 41 * 24, 3);
    REQUIRE(gone(10'000 - 20));
    CHECK(read() - before < pages);
}

TEST_CASE("very many ends are followed by a look at once", "[work]")
{
    Database database;
    Node node("left", [](work::Settings& settings) {
        settings.keep_runs = 10;
        settings.house_period = std::chrono::hours(1);
        settings.house_runs = 300;
    });
    node.start(1, database);
    node.call("task_add", {{"task",
                            {{"name", "nothing"},
                             {"kind", "noop"},
                             {"overlap", "parallel"},
                             {"schedule", "@yearly"}}}});
    database.ask("SELECT count(*) FROM roleswap.enqueue_many('nothing', "
                 "array_fill(NULL::jsonb, ARRAY[700]))");
    CHECK(database.wait_for("SELECT count(*) < 200 FROM roleswap.run", "t") == "t");
}

TEST_CASE("a period that begins during a slice has a sweep of its own", "[work]")
{
    Database database;
    const auto period = std::chrono::seconds(1);
    Node node("left", [&](work::Settings& settings) {
        keeping(3, 30)(settings);
        settings.house_period = period;
        settings.house_runs = 1;
    });
    node.start(1, database);
    node.call("task_add", queued_noop("many"));
    add_ended(database, "many", 3, 10);
    add_ended(database, "old", 40 * 24, 1);
    OpenTransaction reader(database);
    reader.ask("SELECT count(*) FROM (SELECT FROM roleswap.run FOR UPDATE) AS rows");
    node.call("task_run", {{"name", "many"}});
    const auto waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    REQUIRE(database.wait_for(waiting, "1") == "1");
    const auto begun = event::Loop::now();
    until([&] { return event::Loop::now() - begun > period; });
    reader.ask("ROLLBACK");
    CHECK(database.wait_for(runs_left, "many|3") == "many|3");
}
