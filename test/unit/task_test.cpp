#include "task/error.hpp"
#include "task/task.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::task_test {

using namespace task;
using namespace std::chrono;

namespace {

Task full_task()
{
    Task task;
    task.name = "nightly.backup_1-a";
    task.schedule = "30 2 * * *";
    task.timezone = "Europe/Berlin";
    task.except = {"12-25", "2026-12-24..2026-12-31"};
    task.after = {"fetch", "clean:any"};
    task.jitter = 90s;
    task.command = "echo \"a\\b\" 'c'\n# \x01 tab\t end é";
    task.shell = "/bin/bash";
    task.user = "www-data";
    task.group = "adm";
    task.directory = "/srv";
    task.environment = {{"A", "1 = 2"}, {"PATH", "/bin"}, {"odd.name x", "y"}};
    task.umask = 027;
    task.input = "line 1\nline 2\n";
    task.queue = "slow";
    task.enabled = false;
    task.timeout = 90min;
    task.retries = 3;
    task.retry_delay = 1500ms;
    task.overlap = Overlap::queue;
    task.catch_up = CatchUp::all;
    task.catch_up_limit = 12;
    task.late_limit = 0s;
    task.after_crash = AfterCrash::hold;
    task.on_swap = OnSwap::move;
    task.mail_to = "root,admin@example.org";
    task.description = "\"all\" of it";
    return task;
}

std::string toml_fault(const std::string& body)
{
    try {
        parse_tasks("[[task]]\nname = \"a\"\nschedule = \"@daily\"\n" + body, "t");
    } catch (const FileError& error) {
        return error.what();
    }
    return "no fault";
}

std::string json_fault(const char* body)
{
    auto object = nlohmann::json::parse(R"({"name":"a","schedule":"@daily","command":"true"})");
    object.update(nlohmann::json::parse(body));
    try {
        from_json(object);
    } catch (const Error& error) {
        return error.what();
    }
    return "no fault";
}

} // namespace

TEST_CASE("tasks survive a file and the bus field by field", "[task]")
{
    Task small;
    small.name = "small";
    small.schedule = "every 10s";
    small.argv = {"/bin/echo", "", "a \"b\""};
    const std::vector<Task> tasks{full_task(), small};
    CHECK(parse_tasks(export_tasks(tasks), "t") == tasks);
    CHECK(export_tasks(std::vector{small}) ==
          "[[task]]\nname = \"small\"\nschedule = \"every "
          "10s\"\nargv = [\"/bin/echo\", \"\", \"a \\\"b\\\"\"]\n");
    for (const auto& task : tasks) CHECK(from_json(to_json(task)) == task);
    const auto object = to_json(full_task());
    CHECK(object.at("timeout_ms") == 5'400'000);
    CHECK(object.at("retry_delay_ms") == 1500);
    CHECK(object.at("umask") == "0027");
    CHECK(object.at("overlap") == "queue");
    CHECK(to_json(small).at("catch_up").is_null());
    CHECK(to_json(small).at("late_limit_ms").is_null());
    CHECK(parse_tasks("# nothing\n", "t").empty());
    CHECK(export_tasks({}).empty());
}

TEST_CASE("each fault in a file of tasks is told with its place", "[task]")
{
    struct Row {
        const char* body;
        const char* message;
    };
    const auto row = GENERATE(
        Row{"comand = \"true\"",
            "t:4:1: unknown key \"comand\", did you mean \"command\"?; allowed: name, description, "
            "schedule, timezone, except, after, jitter, kind, command, argv, shell, user, group, "
            "groups, directory, "
            "environment, umask, "
            "input, output_max, journal, rlimit, unit, sandbox, memory_max, cpu_quota, "
            "cpu_weight, io_weight, tasks_max, queue, priority, enabled, timeout, retries, "
            "retry_delay, overlap, catch_up, "
            "catch_up_limit, late_limit, after_crash, on_swap, mail_to, needs, backup_of, "
            "backup_on, "
            "node"},
        Row{"", "t:1:1: task \"a\" has no command; allowed: command (for a shell) or argv"},
        Row{"kind = \"noop\"\nnode.left.argv = [\"x\"]",
            "t:1:1: task \"a\" has a command, and its kind is noop; allowed: one of them"},
        Row{"kind = \"noop\"\nbackup_of = \"b\"\nbackup_on = \"left\"",
            "t:1:1: task \"a\" has backup_of, and its kind is noop; allowed: a command: its node "
            "runs that"},
        Row{"kind = \"noop\"\ncommand = \"x\"",
            "t:1:1: task \"a\" has a command, and its kind is noop; allowed: one of them"},
        Row{"kind = \"no\"", "t:4:8: kind = \"no\"; allowed: \"command\" or \"noop\""},
        Row{"command = \"x\"\nargv = [\"x\"]",
            "t:1:1: task \"a\" has both command and argv; allowed: one of them"},
        Row{"command = 5", "t:4:11: command = 5; allowed: a text without a NUL byte"},
        Row{"argv = [1]", "t:4:9: argv: entry 1 is 1; allowed: a list of texts, the program first"},
        Row{"argv = [\"\"]",
            "t:4:9: argv: entry 1 is \"\"; allowed: the name or the absolute path of a program"},
        Row{"timeout = 5",
            "t:4:11: timeout = 5; allowed: a duration such as \"90s\", 0s (none) to 366d"},
        Row{"timeout = \"soon\"",
            "t:4:11: timeout = \"soon\"; allowed: a duration such as \"90s\", 0s (none) to 366d"},
        Row{"retries = 1001", "t:4:11: retries = 1001; allowed: 0 to 1000"},
        Row{"retries = -1", "t:4:11: retries = -1; allowed: 0 to 1000"},
        Row{"umask = \"0999\"",
            "t:4:9: umask = \"0999\"; allowed: octal text from \"0000\" to \"0777\""},
        Row{"umask = 18", "t:4:9: umask = 18; allowed: octal text from \"0000\" to \"0777\""},
        Row{"overlap = \"maybe\"",
            "t:4:11: overlap = \"maybe\"; allowed: \"skip\", \"queue\" or \"parallel\""},
        Row{"catch_up = \"some\"",
            "t:4:12: catch_up = \"some\"; allowed: \"none\", \"last\" or \"all\""},
        Row{"enabled = \"yes\"", "t:4:11: enabled = \"yes\"; allowed: true or false"},
        Row{"directory = \"srv\"",
            "t:4:13: directory = \"srv\"; allowed: an absolute path without control characters"},
        Row{"timezone = \"Mars\"",
            "t:4:13: timezone = \"Mars\": time zone \"Mars\"; allowed: an IANA name such as "
            "\"Europe/Berlin\", or \"UTC\""},
        Row{"except = \"12-25\"",
            "t:4:10: except = \"12-25\"; allowed: a list of dates such as \"2026-12-25\", "
            "\"12-25\", \"2026-12-24..2026-12-31\""},
        Row{"except = [\"2026-02-29\"]",
            "t:4:11: except: excluded date \"2026-02-29\"; allowed: a date that exists, "
            "such as \"2026-12-25\", \"12-25\" for every year, or a range that goes forward, such "
            "as \"2026-12-24..2026-12-31\" or \"12-24..01-01\""},
        Row{"jitter = \"2d\"",
            "t:4:10: jitter = \"2d\"; allowed: a duration such as \"90s\", 0s (none) to 1d"},
        Row{"user = \"a b\"", "t:4:8: user = \"a b\"; allowed: the name of a user, at most 32 of "
                              "A-Z a-z 0-9 . _ - $, with no - in front"},
        Row{"environment = { A = 1 }",
            "t:4:16: environment: \"A\" is 1; allowed: a table of NAME = \"value\""},
        Row{"environment = { \"A=B\" = \"1\" }",
            "t:4:16: environment: variable \"A=B\"; allowed: a name that is not empty, without = "
            "and control characters"},
        Row{"environment = { A = \"b\\u0000\" }",
            "t:4:16: environment: variable \"A\" = \"b\\u0000\"; allowed: a text without a NUL "
            "byte"},
        Row{"needs = [\"/dev/a\", \"b\"]", "t:4:10: needs: entry 2 is \"b\"; allowed: an absolute "
                                           "path without control characters"},
        Row{"queue = \"\"",
            "t:4:9: queue = \"\"; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
        Row{"command = \"x\"\n[[task]]\nname = \"a\"\nschedule = \"@daily\"\ncommand = \"x\"",
            "t:5:1: a second task \"a\", the first is in line 1; allowed: each name once"},
        Row{"command = \"x\"\n[[task]]\nname = \"b\"\nschedule = \"5 24 * * *\"\ncommand = \"x\"",
            "t:7:15: schedule = \"5 24 * * *\": hour \"24\"; allowed: 0 to 23"},
        Row{"command = \"x\"\n[[task]]\ncommand = \"x\"",
            "t:5:1: a task has no name; allowed: 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
        Row{"command = \"x\"\n[[task]]\nname = \"b\"\ncommand = \"x\"",
            "t:5:1: task \"b\" has no schedule; allowed: five cron fields, @daily and its kin, "
            "every 10s, or a calendar expression such as Mon..Fri 08:00; or after"},
        Row{"command = \"x\"\n[tasks]\n", "t:5:2: \"tasks\"; allowed: [[task]] tables"});
    CHECK(toml_fault(row.body) == row.message);
}

TEST_CASE("the bus takes a task with known fields of the right kind only", "[task]")
{
    CHECK(json_fault("{}") == "no fault");
    CHECK(json_fault(R"({"timeout_ms":1000,"catch_up":null})") == "no fault");
    CHECK(json_fault(R"({"timout_ms":1000})").substr(0, 63) ==
          "unknown field \"timout_ms\", did you mean \"timeout_ms\"?; allowed:");
    CHECK(json_fault(R"({"timeout_ms":"5s"})") ==
          "timeout_ms = \"5s\"; allowed: 0s (none) to 366d");
    CHECK(json_fault(R"({"timeout_ms":77760000000})") ==
          "timeout = \"900d\"; allowed: 0s (none) to 366d");
    CHECK_THAT(json_fault(R"({"command":"a\u0000b"})"),
               Catch::Contains("allowed: a text without a NUL byte"));
    CHECK(json_fault(R"({"timeout_ms":-1})") == "timeout_ms = -1; allowed: 0s (none) to 366d");
    CHECK(json_fault(R"({"timeout_ms":18446744073709551615})") ==
          "timeout_ms = 18446744073709551615; allowed: 0s (none) to 366d");
    CHECK(json_fault(R"({"retries":1.5})") == "retries = 1.5; allowed: 0 to 1000");
    CHECK(json_fault(R"({"user":null})") == "user = null; allowed: the name of a user, at most 32 "
                                            "of A-Z a-z 0-9 . _ - $, with no - in front");
    CHECK(json_fault(R"({"catch_up":5})") ==
          "catch_up = 5; allowed: \"none\", \"last\" or \"all\"");
    CHECK(json_fault(R"({"argv":["x"]})") ==
          "task \"a\" has both command and argv; allowed: one of them");
    CHECK(json_fault(R"({"environment":{"A":1}})") ==
          "environment = {\"A\":1}; allowed: a table of NAME = \"value\"");
    CHECK(json_fault(R"({"schedule":"x * * * *"})") ==
          "schedule = \"x * * * *\": minute \"x\"; allowed: 0 to 59");
    CHECK(json_fault(R"({"schedule":"wekly"})") ==
          "schedule = \"wekly\": unknown schedule \"wekly\", did you mean \"weekly\"?; allowed: "
          "five cron fields, @daily "
          "and its kin, every 10s, or a calendar expression such as Mon..Fri 08:00 or weekly");
    CHECK(json_fault(R"({"jitter_ms":-5})") == "jitter_ms = -5; allowed: 0s (none) to 1d");
    CHECK_THROWS_WITH(from_json(nlohmann::json::parse("[]")),
                      "task = []; allowed: an object with the fields of a task");
}

} // namespace roleswap::task_test
