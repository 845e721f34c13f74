// Thousands of tasks must not hold the loop: its turns carry the heartbeats.
#include "world.hpp"
#include <catch2/catch.hpp>
#include <cstdio>
#include <ctime>

using namespace roleswap;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr int many = 5000;
/// The default heartbeat.  The peer calls a link dead after three without one, so a turn that costs
/// less than one is never the reason.  No ratio to the speed of the build: a turn is bounded by
/// turn_max and one last step, which stay below it without optimization too.
constexpr double heartbeat_ms = 40;

/// Processor time of this thread: what other programs and the store take does not count, nor does
/// the worker beside the loop.
double cpu_ms()
{
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// Ticks at every turn of the loop.
class Ticker {
public:
    Ticker()
        : tick_(
              the_loop(), [this] { tick(); }, event::Priority::low)
    {
        tick_.trigger();
    }
    /// What comes now is the test's own.
    void stop() { stopped_ = true; }
    double longest() const { return longest_; }
    double total() const { return total_; }

private:
    void tick()
    {
        if (stopped_) return;
        const auto now = cpu_ms();
        if (begun_) {
            longest_ = std::max(longest_, now - last_);
            total_ += now - last_;
        }
        begun_ = true;
        last_ = now;
        tick_.trigger();
    }
    bool begun_ = false;
    bool stopped_ = false;
    double last_ = 0;
    double longest_ = 0;
    double total_ = 0;
    event::Deferred tick_;
};

std::string tasks_toml(int count, const std::string& schedule)
{
    std::string text;
    for (int i = 0; i < count; ++i)
        text += "[[task]]\nname = \"task" + std::to_string(i) + "\"\nschedule = \"" + schedule +
                "\"\ncommand = \"/usr/local/bin/report --number " + std::to_string(i) +
                "\"\nqueue = \"q" + std::to_string(i % 20) +
                "\"\ndescription = \"one of many\"\nenvironment = { LANG = \"C\" }\n";
    return text;
}

/// A verb, watched from its beginning to its answer.
json watched(Node& node, const std::string& verb, const json& args)
{
    Ticker ticker;
    json answer;
    work::Reply reply{.done =
                          [&](const json& result) {
                              ticker.stop();
                              answer = result;
                          },
                      .failed =
                          [&](const work::VerbError& error) {
                              ticker.stop();
                              answer = {{"error", error.why}};
                          }};
    REQUIRE(node.engine.handle(verb, args, {.uid = 0, .user = "tester"}, reply));
    until([&] { return !answer.is_null(); });
    std::printf("%s of %d: longest turn %.1f ms of %.0f ms on the loop\n", verb.c_str(), many,
                ticker.longest(), ticker.total());
    CHECK(ticker.longest() < heartbeat_ms);
    CHECK_FALSE(answer.contains("error"));
    return answer;
}

} // namespace

TEST_CASE("thousands of tasks cost no turn of the loop a heartbeat", "[work][turns]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    CHECK(watched(node, "task_apply", {{"toml", tasks_toml(many, "0 3 * * 1")}})["added"].size() ==
          many);
    CHECK(database.ask("SELECT count(*) FROM roleswap.task") == std::to_string(many));
    CHECK(node.engine.status_part()["tasks"]["total"] == many);

    const auto list = watched(node, "task_list", json::object())["tasks"];
    CHECK(list.size() == many);
    CHECK(list[many - 1]["next_due"].is_string());
    const auto toml = watched(node, "task_export", json::object())["toml"];
    CHECK(watched(node, "task_apply", {{"toml", toml}})["same"] == many);
    CHECK(
        watched(node, "task_apply", {{"toml", tasks_toml(many, "0 4 * * 1")}})["changed"].size() ==
        many);

    node.kill();
    Ticker loading;
    node.start(2, database);
    std::printf("load of %d: longest turn %.1f ms of %.0f ms on the loop\n", many,
                loading.longest(), loading.total());
    CHECK(loading.longest() < heartbeat_ms);
    loading.stop();
    CHECK(node.engine.status_part()["tasks"]["next"].is_object());

    const json one{{"toml", tasks_toml(1, "0 4 * * 1")}, {"remove_others", true}};
    CHECK(watched(node, "task_apply", one)["removed"].size() == many - 1);
    CHECK(node.engine.status_part()["tasks"]["total"] == 1);
    CHECK(database.ask("SELECT count(*) FROM roleswap.task") == "1");
}

TEST_CASE("thousands of tasks that are due at once cost no turn a heartbeat", "[work][turns]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("queue_set", {{"name", "q0"}});
    for (int i = 1; i < 20; ++i) node.call("queue_set", {{"name", "q" + std::to_string(i)}});
    node.call("queue_hold", {{"all", true}});
    node.call("task_apply", {{"toml", tasks_toml(many, "0 0 * * *")}});
    database.ask("UPDATE roleswap.task SET last_due = now() - interval '1 day'");
    node.kill();
    Ticker ticker;
    node.start(2, database);
    CHECK(database.wait_for("SELECT count(*) FROM roleswap.run WHERE state = 'queued'",
                            std::to_string(many)) == std::to_string(many));
    until([&] { return node.engine.pending_requests() == 0; });
    std::printf("%d due at once: longest turn %.1f ms of %.0f ms on the loop\n", many,
                ticker.longest(), ticker.total());
    CHECK(ticker.longest() < heartbeat_ms);
    CHECK(database.ask("SELECT count(DISTINCT batch) >= 20, max(n) <= 250 FROM (SELECT batch, "
                       "count(*) AS n FROM roleswap.run GROUP BY batch) AS batches") == "t|t");
    ticker.stop();
}

TEST_CASE("a large apply is all or nothing", "[work][turns]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto good = tasks_toml(many, "0 3 * * 1");
    const auto bad =
        good + "[[task]]\nname = \"last\"\nschedule = \"0 0 30 2 *\"\ncommand = \"x\"\n";
    const auto answer = node.call("task_apply", {{"toml", bad}});
    CHECK(answer["error"] == "BadArgument");
    CHECK_THAT(answer["why"].get<std::string>(),
               Catch::StartsWith(
                   "roleswap apply: toml:35001:1: task last: schedule = \"0 0 30 2 *\", which is "
                   "never due; allowed:"));
    CHECK(database.ask("SELECT count(*) FROM roleswap.task") == "0");
    CHECK(node.engine.status_part()["tasks"]["total"] == 0);
    CHECK(node.call("task_apply", {{"toml", good}, {"dry_run", true}})["added"].size() == many);
    CHECK(database.ask("SELECT count(*) FROM roleswap.task") == "0");
}

TEST_CASE("what changes tasks waits for the change before it", "[work][turns]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    std::vector<std::string> answers;
    const auto ask = [&](const std::string& verb, const json& args) {
        work::Reply reply{
            .done = [&answers](const json& result) { answers.push_back(result.dump()); },
            .failed = [&answers](const work::VerbError& error) { answers.push_back(error.why); }};
        REQUIRE(node.engine.handle(verb, args, {.uid = 0, .user = "tester"}, reply));
    };
    ask("task_apply", {{"toml", tasks_toml(2, "0 3 * * 1")}});
    ask("task_add", task("task1", "0 3 * * 1", "true"));
    ask("task_apply", {{"toml", tasks_toml(1, "0 3 * * 1")}, {"remove_others", true}});
    ask("task_remove", {{"name", "task1"}});
    until([&] { return answers.size() == 4; });
    CHECK(answers[0] ==
          R"({"added":["task0","task1"],"changed":[],"removed":[],"same":0,"unready":[]})");
    CHECK_THAT(answers[1],
               Catch::StartsWith("task \"task1\" exists; change it by \"roleswap apply"));
    CHECK(answers[2] == R"({"added":[],"changed":[],"removed":["task1"],"same":1})");
    CHECK_THAT(answers[3], Catch::StartsWith("there is no task \"task1\""));
}

TEST_CASE("an engine that ends answers a change at every point of its way", "[work][turns]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto text = tasks_toml(300, "0 3 * * 1");
    core::Epoch epoch = 1;
    bool done = false;
    for (int turns = 0; !done; turns += 3) {
        database.ask("TRUNCATE roleswap.task CASCADE");
        node.kill();
        node.start(++epoch, database);
        std::string answer;
        work::Reply reply{
            .done = [&](const json&) { answer = "done"; },
            .failed = [&](const work::VerbError& error) { answer = work::to_string(error.code); }};
        node.engine.handle("task_apply", {{"toml", text}}, {.uid = 0, .user = "tester"}, reply);
        for (int i = 0; i < turns && answer.empty(); ++i) sd_event_run(the_loop().get(), 100'000);
        done = !answer.empty();
        node.kill();
        until([&] { return !answer.empty(); });
        INFO("killed after " << turns << " turns: " << answer);
        const auto count = database.ask("SELECT count(*) FROM roleswap.task");
        if (answer == "done")
            CHECK(count == "300");
        else
            CHECK((answer == "NotMaster" && (count == "300" || count == "0")));
    }
}
