// What a node does otherwise, on the engine and on the watch that the standby has, too.
#include "work/binding_watch.hpp"
#include "world.hpp"
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <systemd/sd-daemon.h>

using namespace roleswap;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// The watch of one node, which looks again and again.
struct Watch {
    Watch(const Database& database, const std::string& node)
        : watch(the_loop(),
                {.node = node,
                 .nodes = {"left", "right"},
                 .conninfo = database.conninfo(),
                 .period = 20ms},
                [this](const work::Bindings::Report& report) {
                    ++news;
                    last = report;
                })
    {
        watch.start();
    }
    /// "TASK: WHAT: VALUE" of each.
    std::vector<std::string> lines() const
    {
        std::vector<std::string> all;
        for (const auto& one : last.list)
            all.push_back(one.task + ": " + one.what + ": " + one.value);
        return all;
    }
    int news = 0;
    work::Bindings::Report last;
    work::BindingWatch watch;
};

using Lines = std::vector<std::string>;

/// A path of this test, removed with its holder.
struct Path {
    Path() : name("/tmp/roleswap-binding-" + std::to_string(::getpid())) { remove(); }
    ~Path() { remove(); }
    void make() const { std::ofstream(name) << "x"; }
    void remove() const { std::filesystem::remove(name); }
    std::string name;
};

std::string output_of(Database& database, const std::string& task)
{
    const auto where = "FROM roleswap.run WHERE task = '" + task + "' ORDER BY id DESC LIMIT 1";
    database.wait_for("SELECT state IN ('ok', 'failed') " + where, "t");
    return database.ask("SELECT state, trim(output_tail, E'\\n'), why " + where);
}

} // namespace

TEST_CASE("a run uses the values of the node that runs it", "[work]")
{
    Database database;
    Node left("left");
    left.start(1, database);
    auto panel = with(::task("panel", "@yearly", "echo $PORT"), "environment", {{"PORT", "ttyS0"}});
    panel["task"]["node"] = {{"right", {{"environment", {{"PORT", "ttyUSB1"}}}}}};
    REQUIRE_FALSE(left.call("task_add", panel).contains("error"));
    left.call("task_run", {{"name", "panel"}});
    CHECK(output_of(database, "panel") == "ok|ttyS0|");
    left.kill();
    Node right("right");
    right.start(2, database);
    right.call("task_run", {{"name", "panel"}});
    CHECK(output_of(database, "panel") == "ok|ttyUSB1|");
}

TEST_CASE("a backup task stands in on its node, under the name of its primary", "[work]")
{
    Database database;
    Node left("left");
    left.start(1, database);
    left.call("task_add", ::task("panel", "every 1h", "echo primary"));
    auto backup = ::task("panel-b", "", "echo backup");
    backup["task"].update({{"backup_of", "panel"}, {"backup_on", "right"}});
    REQUIRE_FALSE(left.call("task_add", backup).contains("error"));
    CHECK(left.call("task_show", {{"name", "panel"}}).at("backups") == json{"panel-b"});
    CHECK(left.call("task_show", {{"name", "panel-b"}}).at("next_due") == json::array());
    left.call("task_run", {{"name", "panel"}});
    CHECK(output_of(database, "panel") == "ok|primary|");
    CHECK(left.call("task_run", {{"name", "panel-b"}}).at("why") ==
          "task \"panel-b\" is the backup of \"panel\": run that, it uses the backup's command on "
          "right");
    left.kill();
    Node right("right");
    right.start(2, database);
    right.call("task_run", {{"name", "panel"}});
    CHECK(output_of(database, "panel") == "ok|backup|");
    right.call("task_remove", {{"name", "panel-b"}});
    right.call("task_run", {{"name", "panel"}});
    CHECK(output_of(database, "panel") == "ok|primary|");
    CHECK(database.ask("SELECT DISTINCT task FROM roleswap.run") == "panel");
}

TEST_CASE("a run whose port is missing is not started, and says so", "[work]")
{
    Database database;
    const Path port;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(::task("panel", "@yearly", "true"), "needs", json{port.name}));
    node.call("task_run", {{"name", "panel"}});
    CHECK(output_of(database, "panel") ==
          "failed||needs " + port.name +
              ": No such file or directory; connect or make it, or give the task another one on "
              "this node");
    port.make();
    node.call("task_run", {{"name", "panel"}});
    CHECK(output_of(database, "panel") == "ok||");
}

TEST_CASE("what a task lacks on a node is known there before it runs, and when it is mended",
          "[work]")
{
    Database database;
    const Path port;
    Watch left(database, "left"), right(database, "right"); // before there is a schema
    Node node("left");
    node.start(1, database);
    node.call("task_add", ::task("plain", "@yearly", "true"));
    auto panel = ::task("panel", "@yearly", "true");
    panel["task"]["node"] = {{"right", {{"needs", {port.name}}, {"user", "nobody-of-that-name"}}}};
    node.call("task_add", panel);
    auto gone = ::task("gone", "@yearly", "");
    gone["task"]["command"] = "";
    gone["task"]["argv"] = {"/opt/gone", "-v"};
    for (const char* name : {"gone", "gone-too"}) {
        gone["task"]["name"] = name;
        node.call("task_add", gone);
    }
    until([&] { return left.last.tasks == 4 && right.last.tasks == 4; });
    CHECK(left.last.unready == 2);
    CHECK(left.lines() ==
          Lines{"gone and 1 more: program /opt/gone: not found, or not executable"});
    CHECK(right.last.unready == 3);
    CHECK(right.lines() == Lines{"gone and 1 more: program /opt/gone: not found, or not executable",
                                 "panel: user \"nobody-of-that-name\": does not exist "
                                 "on this node",
                                 "panel: needs " + port.name + ": No such file or directory"});
    port.make();
    until([&] { return right.last.list.size() == 2; });
    node.call("task_disable", {{"name", "gone"}});
    node.call("task_remove", {{"name", "gone-too"}});
    node.call("task_remove", {{"name", "panel"}});
    until([&] { return left.last.tasks == 1 && right.last.tasks == 1; });
    CHECK(right.last.list.empty());
    const auto news = right.news;
    node.call("task_add", ::task("other", "@yearly", "true"));
    until([&] { return right.last.tasks == 2; });
    CHECK(right.news == news + 1); // a report that is the same again is no news
}

TEST_CASE("a task that is nothing but its row lacks nothing", "[work]")
{
    Database database;
    Watch left(database, "left"), right(database, "right");
    Node node("left");
    node.start(1, database);
    json tick{{"task", {{"schedule", "@yearly"}, {"kind", "noop"}, {"user", "no-such-user"}}}};
    for (const char* name : {"tick", "tock"}) {
        tick["task"]["name"] = name;
        REQUIRE_FALSE(node.call("task_add", tick).contains("error"));
        tick["task"]["node"] = {{"right", {{"needs", {"/dev/no-such-port"}}}}};
    }
    until([&] { return left.last.tasks == 2 && right.last.tasks == 2; });
    CHECK(left.lines().empty());
    CHECK(right.lines().empty());
    node.call("task_run", {{"name", "tock"}});
    CHECK(database.wait_for("SELECT state FROM roleswap.run", "ok") == "ok");
}

TEST_CASE("what a backup task says in vain is told on one node", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", ::task("panel", "@yearly", "true"));
    const auto add = [&](const char* name, const char* of, const char* on, const json& more) {
        auto backup = ::task(name, "", "true");
        backup["task"].update({{"backup_of", of}, {"backup_on", on}});
        backup["task"].update(more);
        REQUIRE_FALSE(node.call("task_add", backup).contains("error"));
    };
    add("b1", "panel", "left", {{"retries", 2}});
    add("b2", "panel", "left", json::object());
    add("b3", "nothing", "right", json::object());
    add("b4", "b1", "middle", json::object());
    Watch left(database, "left"), right(database, "right");
    until([&] { return left.last.tasks == 1 && right.last.tasks == 1; });
    CHECK(right.last.list.empty());
    CHECK(left.lines() ==
          Lines{"b1: backup of \"panel\": retries is 2 here and 0 in \"panel\", which holds",
                "b2: backup of \"panel\": it has another one on left",
                "b3: backup of \"nothing\": there is no such task",
                "b4: backup of \"b1\": there is no node \"middle\"",
                "b4: backup of \"b1\": that is a backup itself"});
}

TEST_CASE("limits of a task reach its run, and figures of the run its row", "[work]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    auto held = ::task("held", "@yearly",
                       "ulimit -n; dd if=/dev/zero of=/var/tmp/roleswap-held bs=64k count=16 "
                       "conv=fsync 2>/dev/null; rm /var/tmp/roleswap-held");
    held["task"].update({{"rlimit", {{"nofile", "55"}}}, {"journal", false}});
    REQUIRE_FALSE(node.call("task_add", held).contains("error"));
    node.call("task_run", {{"name", "held"}});
    CHECK(output_of(database, "held") == "ok|55|");
    CHECK(database.ask("SELECT written_bytes >= 1048576, read_bytes >= 0, cpu_ms >= 0, "
                       "peak_memory_kib > 500 FROM roleswap.run") == "t|t|t|t");
    const auto shown = node.call("run_show", {{"id", 1}}).at("run");
    CHECK(shown.at("written_bytes").get<std::int64_t>() >= 1'048'576);
    CHECK(shown.at("read_bytes").is_number());
    auto flood = with(::task("flood", "@yearly", "yes"), "output_max", "100KiB");
    REQUIRE_FALSE(node.call("task_add", flood).contains("error"));
    node.call("task_run", {{"name", "flood"}});
    database.wait_for("SELECT state || ' ' || why FROM roleswap.run WHERE task = 'flood'",
                      "failed killed: it wrote more than 102400 bytes of output (output_max); let "
                      "it write less, or give the "
                      "task a larger output_max");
}

TEST_CASE("what needs a unit is refused, and told of, where there is no systemd", "[work]")
{
    if (sd_booted() > 0) return; // the lab shows it
    const std::string why = "transient unit: systemd is not the service manager of this machine";
    Database database;
    Node node("left");
    node.start(1, database);
    auto held = with(::task("held", "@yearly", "true"), "sandbox", {{"PrivateTmp", true}});
    CHECK_THAT(node.call("task_add", held).at("why").get<std::string>(),
               Catch::Contains("task held: " + why) && Catch::Contains("allowed: run the node on"));
    const auto toml = "[[task]]\nname = \"held\"\nschedule = \"@yearly\"\ncommand = \"x\"\n"
                      "memory_max = \"1MiB\"\n";
    CHECK_THAT(node.call("task_apply", {{"toml", toml}}).at("why").get<std::string>(),
               Catch::Contains("task held: " + why));
    // As the peer sees what a node with systemd has taken.
    held["task"].erase("sandbox");
    REQUIRE_FALSE(node.call("task_add", held).contains("error"));
    database.ask("UPDATE roleswap.task SET changed_at = now(), "
                 "definition = jsonb_set(definition, '{tasks_max}', '5')");
    Watch watch(database, "right");
    until([&] { return !watch.lines().empty(); });
    CHECK(watch.lines() == Lines{"held: " + why});
}
