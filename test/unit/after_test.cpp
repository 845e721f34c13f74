#include "task/after.hpp"
#include "task/error.hpp"
#include "task/size.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::after_test {

using namespace task;

namespace {

std::vector<Task> read(const std::string& text)
{
    return parse_tasks(text, "t");
}

std::string fault(const std::string& text)
{
    try {
        read(text);
    } catch (const FileError& error) {
        return error.what();
    }
    return "no fault";
}

/// Walks from all of them; empty when there is nothing to refuse.
std::string walk(const std::vector<Task>& tasks)
{
    std::map<std::string, Task> all;
    for (const auto& task : tasks) all[task.name] = task;
    AfterWalk walk([&](const std::string& name) {
        const auto found = all.find(name);
        return found == all.end() ? nullptr : &found->second;
    });
    try {
        for (const auto& task : tasks) {
            walk.begin(task.name);
            while (walk.step()) {
            }
        }
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

Task after(const std::string& name, std::vector<std::string> names)
{
    Task task;
    task.name = name;
    task.after = std::move(names);
    task.command = "true";
    return task;
}

constexpr const char* head = "[[task]]\nname = \"report\"\ncommand = \"true\"\n";

} // namespace

TEST_CASE("a task that is after others needs no schedule, and says it in the shortest form",
          "[task]")
{
    const auto tasks =
        read(std::string(head) + "after = [\"fetch:success\", \"clean:any\", \"bad:failure\"]\n");
    REQUIRE(tasks.size() == 1);
    CHECK(tasks[0].after == std::vector<std::string>{"fetch", "clean:any", "bad:failure"});
    CHECK(after_of(tasks[0]) == std::vector<After>{{"fetch", AfterWhich::success},
                                                   {"clean", AfterWhich::any},
                                                   {"bad", AfterWhich::failure}});
    CHECK(read(export_tasks(tasks)) == tasks);
    CHECK(from_json(to_json(tasks[0])) == tasks[0]);
}

TEST_CASE("what after cannot be is told with its place", "[task]")
{
    const auto [body, message] = GENERATE(table<const char*, const char*>(
        {{"after = \"fetch\"",
          "t:4:9: after = \"fetch\"; allowed: a list of up to 100 names of tasks"},
         {"after = [\"fetch:maybe\"]",
          "after: entry \"fetch:maybe\"; allowed: names of tasks, each alone or "
          "with :success, :failure or :any"},
         {"after = [\"a b\"]", "after: entry \"a b\"; allowed"},
         {"after = [\"\"]", "after: entry \"\"; allowed"},
         {"after = [\"a\\u0000\"]", "after: entry \"a\\u0000\"; allowed: names of tasks"},
         {"after = [\"a\", \"a:any\"]", "task \"a\" twice in after; allowed: each task once"},
         {"", "t:1:1: task \"report\" has no schedule; allowed: five cron fields"},
         {"after = [\"a\"]\nbackup_of = \"b\"\nbackup_on = \"left\"",
          "has both backup_of and after; allowed: after in its primary"}}));
    CHECK_THAT(fault(std::string(head) + body), Catch::Contains(message));
}

TEST_CASE("circles, unknown names and backup tasks are refused; all else is not", "[task]")
{
    auto backup = after("backup", {});
    backup.backup_of = "a";
    backup.backup_on = "left";
    CHECK(walk({after("a", {}), after("b", {"a"}), after("c", {"a:any", "b"}),
                after("d", {"c", "a"})}) == "");
    CHECK_THAT(walk({after("a", {"a"})}),
               Catch::Contains("a circle: a after a; allowed: no circle"));
    CHECK_THAT(walk({after("a", {"c"}), after("b", {"a"}), after("c", {"b:any"})}),
               Catch::Contains("a circle: a after c after b after a"));
    CHECK_THAT(walk({after("start", {"a"}), after("a", {"b"}), after("b", {"a"})}),
               Catch::Contains("a circle: a after b after a"));
    CHECK_THAT(walk({after("a", {"fetch"})}),
               Catch::Contains("task \"a\": after = \"fetch\", which is no task; allowed"));
    CHECK_THAT(walk({after("a", {}), backup, after("b", {"backup"})}),
               Catch::Contains(
                   "is a backup task and has no runs of its own; allowed: \"a\", its primary"));
    std::vector<Task> chain{after("t0", {"t49999"})};
    for (int i = 1; i < 50'000; ++i)
        chain.push_back(after(fmt::format("t{}", i), {fmt::format("t{}", i - 1)}));
    CHECK_THAT(walk(chain),
               Catch::Contains("t0 after t49999") && Catch::Contains("more) after t0"));
    chain.front().after.clear();
    CHECK(walk(chain) == "");
}

TEST_CASE("what the kernel takes of arguments and environment is checked before it is too late",
          "[task]")
{
    const auto row = [](const std::string& field) {
        return fault("[[task]]\nname = \"a\"\nschedule = \"@daily\"\n" + field);
    };
    const auto big = std::string(argument_bytes_max + 1, 'x');
    const auto fits = std::string(argument_bytes_max, 'x');
    CHECK(row("command = \"" + fits + "\"") == "no fault");
    CHECK_THAT(row("command = \"" + big + "\""),
               Catch::StartsWith("t:4:12: command = ") &&
                   Catch::Contains("the command has 131072 bytes; allowed: up to 131071"));
    CHECK_THAT(row("argv = [\"a\", \"" + big + "\"]"),
               Catch::Contains("argv: entry 2 has 131072 bytes"));
    const auto variable = "command = \"x\"\nenvironment = { BIG = \"" + std::string(1'000'000, 'x');
    CHECK_THAT(row(variable + "\" }"), Catch::StartsWith("t:5:16: environment: ") &&
                                           Catch::Contains("variable \"BIG\" has 1000004 bytes") &&
                                           Catch::Contains("keep large data in a file"));
    std::string many = "command = \"x\"\nenvironment = { ";
    for (int i = 0; i < 10; ++i)
        many += fmt::format("{}V{} = \"{}\"", i == 0 ? "" : ", ", i, std::string(100'000, 'x'));
    CHECK_THAT(row(many + " }"),
               Catch::Contains("has 1000128 bytes of command, arguments and environment; "
                               "allowed: up to 524288"));
    CHECK_THAT(row("command = \"x\"\nnode.left.command = \"" + big + "\""),
               Catch::Contains("the command has 131072 bytes"));
}

TEST_CASE("no text field of a task takes a NUL byte", "[task]")
{
    const auto field = GENERATE(
        "name = \"a\\u0000\"", "description = \"a\\u0000\"", "schedule = \"@daily\\u0000\"",
        "timezone = \"UTC\\u0000\"", "except = [\"12-25\\u0000\"]", "after = [\"b\\u0000\"]",
        "command = \"a\\u0000\"", "argv = [\"a\\u0000\"]", "shell = \"/bin/sh\\u0000\"",
        "user = \"root\\u0000\"", "group = \"root\\u0000\"", "directory = \"/\\u0000\"",
        "environment = { A = \"a\\u0000\" }", "environment = { \"A\\u0000\" = \"a\" }",
        "umask = \"0022\\u0000\"", "input = \"a\\u0000\"", "queue = \"a\\u0000\"",
        "mail_to = \"a\\u0000\"", "needs = [\"/a\\u0000\"]", "backup_of = \"a\\u0000\"",
        "backup_on = \"a\\u0000\"", "node.\"a\\u0000\".command = \"x\"",
        "node.left.user = \"a\\u0000\"", "node.left.input = \"a\\u0000\"");
    const auto message = fault(std::string("[[task]]\n") + field + "\n");
    INFO(field);
    CHECK_THAT(message, Catch::StartsWith("t:2:") && Catch::Contains("allowed: "));
    CHECK_THAT(message, Catch::Contains("\\u0000") || Catch::Contains("= a list") ||
                            Catch::Contains("= a table") || Catch::Contains("has a wrong value"));
}

} // namespace roleswap::after_test
