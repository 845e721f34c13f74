#include "world.hpp"
#include <catch2/catch.hpp>
#include <cstdio>

using namespace roleswap;
using nlohmann::json;

namespace {

std::string many_tasks(int count, const std::string& schedule, const std::string& queue)
{
    std::string text;
    for (int i = 0; i < count; ++i)
        text += "[[task]]\nname = \"" + queue + std::to_string(i) + "\"\nschedule = \"" + schedule +
                "\"\nargv = [\"/bin/true\"]\nqueue = \"" + queue + "\"\n";
    return text;
}

} // namespace

TEST_CASE("two hundred tasks due in the same second", "[work][rate]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_apply", {{"toml", many_tasks(200, "every 5s", "burst")}});
    CHECK(database.wait_for("SELECT count(*) >= 200 FROM roleswap.run WHERE state = 'ok'", "t") ==
          "t");
    node.call("scheduler_stop");
    const auto text = database.ask(R"(
        SELECT percentile_disc(ARRAY[0.5, 1]) WITHIN GROUP (ORDER BY
               round(extract(epoch FROM started_at - due) * 1000)) FROM roleswap.run
        WHERE due = (SELECT min(due) FROM roleswap.run))");
    std::printf("200 due in the same second: claimed after {median,last} = %s ms\n", text.c_str());
    CHECK(database.ask("SELECT count(DISTINCT batch) <= 3 FROM roleswap.run WHERE due = "
                       "(SELECT min(due) FROM roleswap.run)") == "t");
}

TEST_CASE("claims per second", "[work][rate]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    constexpr int tasks = 100;
    constexpr int each = 10;
    node.call("task_apply", {{"toml", many_tasks(tasks, "@yearly", "load")}});
    node.call("queue_set", {{"name", "load"}, {"concurrency", 16}});
    node.call("queue_hold", {{"name", "load"}});
    database.ask(
        "INSERT INTO roleswap.run (task, due, cause, queue, state, epoch) SELECT 'load' || t, "
        "now() + r * interval '1 s', 'manual', 'load', 'queued', 1 "
        "FROM generate_series(0, 99) t, generate_series(1, 10) r");
    node.kill();
    node.start(2, database); // reads them
    const auto started = event::Loop::now();
    node.call("queue_release", {{"name", "load"}});
    until([&] {
        return node.engine.status_part().at("queues")[1].at("waiting") == 0 &&
               node.engine.pending_requests() == 0;
    });
    const auto seconds = static_cast<double>((event::Loop::now() - started).count()) / 1e6;
    CHECK(database.ask("SELECT DISTINCT state, why FROM roleswap.run") == "ok|");
    CHECK(database.ask("SELECT count(*) FROM roleswap.run WHERE state = 'ok'") ==
          std::to_string(tasks * each));
    std::printf("%d runs, 16 at a time, claim and end committed: %.0f per second\n", tasks * each,
                tasks * each / seconds);
}
