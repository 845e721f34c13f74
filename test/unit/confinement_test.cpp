#include "task/confinement.hpp"
#include "task/error.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::confinement_test {

using namespace task;

namespace {

Task read(const std::string& body)
{
    return parse_tasks("[[task]]\nname = \"a\"\nschedule = \"@daily\"\ncommand = \"x\"\n" + body,
                       "t")
        .front();
}

std::string fault(const std::string& body)
{
    try {
        read(body);
    } catch (const FileError& error) {
        return error.what();
    }
    return "no fault";
}

} // namespace

TEST_CASE("limits and sandbox of a task survive a file and the bus", "[task]")
{
    const auto task = read("groups = [\"adm\", \"tty\"]\noutput_max = \"10MiB\"\njournal = false\n"
                           "rlimit = { nofile = \"64\", core = \"0\", cpu = \"90s\" }\n"
                           "memory_max = \"64MiB\"\ncpu_quota = \"150%\"\ncpu_weight = 10\n"
                           "io_weight = 20\ntasks_max = 30\n"
                           "sandbox = { ProtectSystem = \"strict\", PrivateTmp = true, "
                           "NoNewPrivileges = \"on\", ReadOnlyPaths = \"/srv -/opt/x\", "
                           "SystemCallFilter = \"~@mount reboot\" }\n");
    CHECK(task.sandbox->at("PrivateTmp") == "yes");
    CHECK(task.groups == std::vector<std::string>{"adm", "tty"});
    CHECK(parse_tasks(export_tasks(std::vector{task}), "t") == std::vector{task});
    CHECK(from_json(to_json(task)) == task);
    auto object = to_json(task);
    object["sandbox"]["PrivateTmp"] = true;
    CHECK(from_json(object) == task);
}

TEST_CASE("what is no limit and no sandbox is refused with what is", "[task]")
{
    struct Row {
        const char* body;
        const char* part;
    };
    const auto row = GENERATE(
        Row{"sandbox = { ProtectSystm = \"strict\" }",
            "unknown property \"ProtectSystm\", did you mean \"ProtectSystem\"?; allowed: "
            "InaccessiblePaths, LockPersonality, "},
        Row{"sandbox = { ExecStartPre = \"/bin/x\" }", "unknown property \"ExecStartPre\""},
        Row{"sandbox = { ProtectSystem = \"maybe\" }",
            "sandbox.ProtectSystem = \"maybe\"; allowed: one of yes no full strict"},
        Row{"sandbox = { PrivateTmp = \"strict\" }", "allowed: \"yes\" or \"no\""},
        Row{"sandbox = { PrivateTmp = 1 }", "allowed: a table of Property"},
        Row{"sandbox = { ReadOnlyPaths = \"srv\" }", "allowed: absolute paths"},
        Row{"sandbox = { ReadOnlyPaths = \"\" }", "allowed: absolute paths"},
        Row{"sandbox = { SystemCallFilter = \"a;b\" }", "allowed: names with spaces"},
        Row{"rlimit = { nofiles = \"5\" }",
            "unknown limit \"nofiles\", did you mean \"nofile\"?; allowed: as, core, cpu, data, "
            "fsize, memlock, nofile, nproc, stack"},
        Row{"rlimit = { nofile = \"many\" }",
            "rlimit.nofile = \"many\"; allowed: a number, a size such as \"64MiB\", or "
            "\"unlimited\""},
        Row{"rlimit = { cpu = \"10ms\" }", "allowed: a duration such as \"90s\""},
        Row{"rlimit = { nofile = true }", "allowed: a table of NAME"},
        Row{"groups = [\"\"]", "groups: entry 1 is \"\"; allowed: the name of a group"},
        Row{"memory_max = \"64MB\"", "allowed: a size such as \"64MiB\""},
        Row{"memory_max = \"0\"", "allowed: a size such as \"64MiB\""},
        Row{"output_max = \"x\"", "allowed: a size such as \"64MiB\""},
        Row{"cpu_quota = \"150\"", "allowed: a percentage"},
        Row{"cpu_quota = \"0%\"", "allowed: a percentage"},
        Row{"cpu_weight = 10001", "allowed: 1 to 10000"},
        Row{"tasks_max = -1", "allowed: 0 (the default of systemd) to 1000000"});
    INFO(row.body);
    CHECK_THAT(fault(row.body), Catch::Contains(row.part));
}

TEST_CASE("limits of processes are numbers, sizes, durations, or none", "[task]")
{
    CHECK(parse_process_limit("nofile", "64") == 64);
    CHECK(parse_process_limit("as", "1GiB") == 1U << 30U);
    CHECK(parse_process_limit("cpu", "1500ms") == 2);
    CHECK(parse_process_limit("cpu", "2m") == 120);
    CHECK(parse_process_limit("cpu", "7") == 7);
    CHECK(parse_process_limit("core", "unlimited") == no_limit);
    CHECK_FALSE(parse_process_limit("as", "2m"));
    CHECK(parse_quota("150%") == 150);
    CHECK_FALSE(parse_quota("%"));
}

TEST_CASE("only what systemd must hold needs a unit", "[task]")
{
    CHECK_FALSE(needs_unit(read("rlimit = { nofile = \"64\" }\noutput_max = \"1KiB\"\n"
                                "groups = [\"adm\"]\njournal = false")));
    for (const char* body :
         {"unit = true", "memory_max = \"1MiB\"", "cpu_quota = \"1%\"", "cpu_weight = 1",
          "io_weight = 1", "tasks_max = 1", "sandbox = { PrivateTmp = true }"})
        CHECK(needs_unit(read(body)));
}

} // namespace roleswap::confinement_test
