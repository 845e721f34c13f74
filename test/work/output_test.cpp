// Runs as people handle them: followed live, ended, repeated.
#include "world.hpp"
#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

using namespace roleswap;
using nlohmann::json;

namespace {

/// A task writes the next line when the test says so.
class Steps {
public:
    Steps() : folder_("/tmp/roleswap-steps-" + std::to_string(::getpid()))
    {
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directory(folder_);
    }
    ~Steps() { std::filesystem::remove_all(folder_); }
    void go(int step) const { std::ofstream(folder_ + "/" + std::to_string(step)) << "go"; }
    std::string wait(int step) const
    {
        return fmt::format("until [ -e {}/{} ]; do sleep 0.02; done; ", folder_, step);
    }

private:
    std::string folder_;
};

/// As the command line follows a run.
class Follower {
public:
    Follower(Node& node, json question) : node_(&node), question_(std::move(question)) {}
    json ask(int timeout_ms = 30'000)
    {
        question_["timeout_ms"] = timeout_ms;
        auto answer = node_->call("run_output", question_);
        if (answer.contains("error")) return answer;
        const auto& run = answer.at("run");
        question_["id"] = run.at("id");
        question_.erase("task");
        question_["attempt"] = run.at("attempt");
        question_["state"] = run.at("state");
        question_["from"] = answer.at("next");
        all += answer.at("output").get<std::string>();
        return answer;
    }
    /// Until this is the whole output so far.
    void until_all(const std::string& wanted)
    {
        for (int i = 0; i < 100 && all != wanted; ++i) ask(1000);
        CHECK(all == wanted);
    }
    json until_over()
    {
        auto answer = ask();
        while (!answer.at("over").get<bool>()) answer = ask();
        return answer;
    }
    void move_to(Node& node) { node_ = &node; }
    std::string all;

private:
    Node* node_;
    json question_;
};

json yearly(const std::string& name, const std::string& command)
{
    return ::task(name, "@yearly", command);
}

} // namespace

TEST_CASE("a run is followed line by line, then its end is told with its exit code",
          "[work][output]")
{
    Database database;
    Steps steps;
    Node node("left");
    node.start(1, database);
    node.call("task_add", yearly("talk", "echo one; " + steps.wait(1) + "printf 'tw\\303'; " +
                                             steps.wait(2) + "printf '\\266\\n'; exit 7"));
    node.call("queue_hold", {{"name", "default"}});
    node.call("task_run", {{"name", "talk"}});
    Follower follower(node, {{"task", "talk"}});
    CHECK(follower.ask().at("run").at("state") == "queued");
    CHECK(follower.ask(100).at("run").at("state") == "queued"); // nothing new in this time
    node.call("queue_release", {{"name", "default"}});
    follower.until_all("one\n");
    CHECK(node.call("run_show", {{"id", 1}}).at("run").at("output") == "one\n");
    steps.go(1);
    follower.until_all("one\ntw"); // a character that came half waits for its rest
    steps.go(2);
    const auto end = follower.until_over();
    CHECK(follower.all == "one\ntw\xC3\xB6\n");
    CHECK(end.at("run").at("exit_code") == 7);
    CHECK(end.at("run").at("state") == "failed");
    CHECK(database.ask("SELECT state FROM roleswap.run") == "failed"); // told once the store has it
    Follower late(node, {{"id", 1}});
    CHECK(late.until_over().at("output") == "one\ntw\xC3\xB6\n");
    CHECK_THAT(why_not(node.call("run_output", {{"task", "nobody"}})),
               Catch::StartsWith("NotFound: "));
}

TEST_CASE("a second attempt, and a new master, are followed on", "[work][output]")
{
    Database database;
    Steps steps;
    auto left = std::make_unique<Node>("left");
    left->start(1, database);
    const auto command = "echo try $ROLESWAP_ATTEMPT; [ $ROLESWAP_ATTEMPT != 1 ] || { " +
                         steps.wait(0) + "exit 1; }; " + steps.wait(1) +
                         "echo end $ROLESWAP_ATTEMPT";
    left->call("task_add",
               with(with(yearly("again", command), "retries", 1), "retry_delay_ms", 300));
    left->call("task_run", {{"name", "again"}});
    Follower follower(*left, {{"task", "again"}});
    follower.until_all("try 1\n");
    steps.go(0);
    follower.until_all("try 1\ntry 2\n");
    left->engine.kill([] {});
    CHECK(follower.ask().contains("error"));
    Node right("right");
    right.start(2, database);
    follower.move_to(right);
    follower.until_all("try 1\ntry 2\ntry 3\n");
    steps.go(1);
    const auto end = follower.until_over();
    CHECK(follower.all == "try 1\ntry 2\ntry 3\nend 3\n");
    CHECK(end.at("run").at("node") == "right");
    CHECK(end.at("run").at("attempt") == 3);
}

TEST_CASE("who is too slow for the output is told how much he lost, and gets its end",
          "[work][output]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add",
              yearly("flood",
                     "echo begin; sleep 0.3; head -c 3000000 /dev/zero | tr '\\0' x; echo; "
                     "echo end"));
    node.call("task_run", {{"name", "flood"}});
    Follower follower(node, {{"task", "flood"}});
    follower.until_all("begin\n");
    CHECK(database.wait_for("SELECT state FROM roleswap.run", "ok") == "ok");
    json end;
    std::uint64_t lost = 0;
    do {
        end = follower.ask();
        lost += end.at("lost").get<std::uint64_t>();
    } while (!end.at("over").get<bool>());
    CHECK(follower.all.ends_with("xx\nend\n"));
    CHECK(lost > 2'000'000);
    CHECK(follower.all.size() + lost == 3'000'011);
    const auto shown = node.call("run_show", {{"id", 1}}).at("run");
    CHECK(shown.at("truncated") == true);
    CHECK(shown.at("output_bytes") == 3'000'011);
    CHECK(shown.at("output").get<std::string>().size() == 65'536);
}

TEST_CASE("a killed run is told with who and why, once both nodes hold that", "[work][output]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    node.call("task_add", with(yearly("long", "setsid sleep 1000 & sleep 1000"), "retries", 3));
    const auto run = node.call("task_run", {{"name", "long"}}).at("id");
    until([&] { return node.executor.alive() == 1; });
    CHECK(node.call("run_kill", {{"id", run}, {"reason", "it hangs"}}) ==
          json{{"id", run}, {"killed", "running"}});
    CHECK(database.ask("SELECT state, why FROM roleswap.run") ==
          "killed|killed by tester: it hangs");
    CHECK(node.executor.alive() == 0);
    CHECK(node.noted("run_killed"));
    node.call("queue_hold", {{"name", "default"}});
    const auto waiting = node.call("task_run", {{"name", "long"}}).at("id");
    CHECK(node.call("run_kill", {{"id", waiting}}).at("killed") == "waiting");
    CHECK(database.ask("SELECT why FROM roleswap.run ORDER BY id DESC LIMIT 1") ==
          "killed by tester");
    CHECK_THAT(why_not(node.call("run_kill", {{"id", waiting}})), Catch::StartsWith("NotFound: "));
}

TEST_CASE("a run that is over is repeated as a new one with its payload, linked both ways",
          "[work][output]")
{
    Database database;
    Steps steps;
    Node node("left");
    node.start(1, database);
    node.call("task_add", yearly("load", "cat; echo; " + steps.wait(1)));
    database.ask("SELECT roleswap.enqueue('load', '{\"file\": 1}')");
    CHECK(database.wait_for("SELECT state FROM roleswap.run", "running") == "running");
    CHECK_THAT(why_not(node.call("run_again", {{"id", 1}})),
               Catch::Contains(
                   "run 1 of load is running: wait for its end, or \"roleswap run kill 1\" first"));
    steps.go(1);
    CHECK(database.wait_for("SELECT state FROM roleswap.run", "ok") == "ok");
    const auto again = node.call("run_again", {{"id", 1}});
    REQUIRE(again.contains("id"));
    const auto state = "SELECT state, cause, origin, output_tail FROM roleswap.run WHERE id = " +
                       again.at("id").dump();
    CHECK(database.wait_for(state, "ok|again|1|{\"file\": 1}\n") == "ok|again|1|{\"file\": 1}\n");
    const auto shown = node.call("run_show", {{"id", 1}}).at("run");
    CHECK(shown.at("next").at(0).at("run") == again.at("id"));
    CHECK(shown.at("next").at(0).at("cause") == "again");
    node.call("task_remove", {{"name", "load"}});
    CHECK_THAT(why_not(node.call("run_again", {{"id", 1}})),
               Catch::Contains("which is there no more"));
    CHECK_THAT(why_not(node.call("run_again", {{"id", 99}})),
               Catch::StartsWith("NotFound: there is no run 99"));
}

TEST_CASE("arguments, environment and texts that cannot be are refused before anything starts",
          "[work][output]")
{
    Database database;
    Node node("left");
    node.start(1, database);
    const auto refused = [&](const json& object) { return why_not(node.call("task_add", object)); };
    CHECK_THAT(
        refused(with(yearly("big", "true"), "environment", {{"BIG", std::string(1'000'000, 'x')}})),
        Catch::Contains("variable \"BIG\" has 1000004 bytes; allowed: up to 131071"));
    CHECK_THAT(refused(with(yearly("null", "true"), "description", std::string("a\0b", 3))),
               Catch::Contains("allowed: a text"));
    const std::string null("a\0b", 3);
    for (const auto& [verb, args] : std::initializer_list<std::pair<const char*, json>>{
             {"task_show", {{"name", null}}},
             {"queue_hold", {{"name", "default"}, {"reason", null}}},
             {"queue_hold", {{"name", null}}},
             {"scheduler_stop", {{"reason", null}}},
             {"run_list", {{"task", null}}},
             {"run_output", {{"task", null}}},
             {"run_kill", {{"id", 1}, {"reason", null}}},
             {"memory_resolve", {{"id", 1}, {"item", null}, {"decision", "done"}}},
             {"history_accept", {{"task", null}}},
             {"operation_begin", {{"kind", "swap"}, {"owner_pid", 1}, {"owner_node", null}}},
             {"task_apply", {{"toml", null}}}}) {
        INFO(verb << args.dump());
        const auto why = why_not(node.call(verb, args));
        CHECK_THAT(why, Catch::StartsWith("BadArgument: ") &&
                            (Catch::Contains("NUL") || Catch::Contains("\\u0000")));
        CHECK(why.find('\0') == std::string::npos);
    }
    CHECK(database.fails_with(R"(SELECT roleswap.enqueue('big', '{"a": "\u0000"}'))") == "22P05");
    CHECK(database.ask("SELECT count(*) FROM roleswap.all_runs") == "0");
    CHECK(database.ask("SELECT count(*) FROM roleswap.task") == "0");
    CHECK(database.ask("SELECT bool_or(held) FROM roleswap.queue") == "f");
}
