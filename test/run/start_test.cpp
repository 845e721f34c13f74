#include "helpers.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace roleswap;
using namespace std::chrono_literals;
using run::Isolation;

namespace {

std::string file_name(const char* suffix)
{
    return "/tmp/" + World::own_name() + suffix;
}

} // namespace

TEST_CASE("a task gets the environment of cron, what is given, and nothing else", "[run]")
{
    ::setenv("LEAKED_FROM_DAEMON", "1", 1);
    World world(cgroups_work() ? Isolation::cgroup : Isolation::keeper);
    const auto end = world.run({.argv = {"env"}, .environment = {"A=1", "A=2", "ROLESWAP_RUN=5"}});
    CHECK(end.ok());
    std::vector<std::string> names;
    for (const auto& line : world.lines)
        if (!line.starts_with("ROLESWAP_TREE=")) names.push_back(line.substr(0, line.find('=')));
    std::sort(names.begin(), names.end());
    CHECK(names == std::vector<std::string>{"A", "HOME", "LOGNAME", "PATH", "ROLESWAP_RUN", "SHELL",
                                            "USER"});
    const auto has = [&](const char* line) { return std::ranges::count(world.lines, line) == 1; };
    CHECK(has("PATH=/usr/bin:/bin"));
    CHECK(has("SHELL=/bin/sh"));
    CHECK(has("A=2"));
}

TEST_CASE("a task inherits no descriptor, no blocked signal, and its own session", "[run]")
{
    const int leaked = ::open("/dev/null", O_RDONLY); // deliberately without O_CLOEXEC
    const auto isolation = GENERATE(Isolation::keeper, Isolation::detect);
    World world(isolation);
    auto end = world.run({.argv = {"ls", "/proc/self/fd"}});
    CHECK(end.output_tail == "0\n1\n2\n3\n"); // 3: the folder that ls reads
    end = world.run({.argv = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}});
    CHECK(end.output_tail == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    end = world.run({.command = "umask; cut -d' ' -f6 /proc/$$/stat; echo $$"});
    CHECK(world.lines.at(world.lines.size() - 3) == "0022");
    CHECK(world.lines.at(world.lines.size() - 2) == world.lines.back());
    ::close(leaked);
}

TEST_CASE("standard input is the given text, else empty", "[run]")
{
    World world(Isolation::detect);
    CHECK(world.run({.argv = {"wc", "-c"}}).output_tail == "0\n");
    const std::string big(300'000, 'x');
    CHECK(world.run({.argv = {"wc", "-c"}, .stdin_text = big}).output_tail == "300000\n");
    CHECK(world.run({.argv = {"true"}, .stdin_text = big}).ok());
}

TEST_CASE("ten megabytes of output are counted, the tail kept, every line handed on", "[run]")
{
    World world(Isolation::detect);
    const auto end = world.run({.command = "yes 0123456 | head -c 10000000; echo; echo last"});
    CHECK(end.ok());
    CHECK(end.output_bytes == 10'000'006);
    CHECK(end.output_tail.size() == world.settings.output_tail_bytes);
    CHECK(end.output_tail.ends_with("0123456\n\nlast\n"));
    CHECK(world.lines.size() == 1'250'002);
    CHECK(world.lines.back() == "last");
}

TEST_CASE("a line without end comes in pieces", "[run]")
{
    World world(Isolation::detect);
    CHECK(world.run({.command = "head -c 20000 /dev/zero | tr '\\0' x"}).output_bytes == 20'000);
    REQUIRE(world.lines.size() == 3);
    CHECK(world.lines.at(0).size() == 8192);
    CHECK(world.lines.at(2).size() == 20'000 - 2 * 8192);
}

TEST_CASE("what cannot start says why, with the exit code of a shell", "[run]")
{
    World world(GENERATE(Isolation::keeper, Isolation::detect));
    const auto plain = file_name("-plain");
    std::ofstream(plain) << "no program\n";
    struct Row {
        run::RunSpec spec;
        int code;
        const char* why;
    };
    const std::vector<Row> rows{
        {{.argv = {"no-such-command"}},
         127,
         "command no-such-command: No such file or directory; install it, or give the task another "
         "one on this node"},
        {{.argv = {plain}}, 126, "Permission denied"},
        {{.command = "x", .shell = "/no/shell"}, 127, "shell /no/shell: No such file"},
        {{.command = "x", .directory = "/no/dir"}, 126, "directory /no/dir: No such file"},
        {{.command = "x", .user = "no-such-user"}, 126, "user \"no-such-user\" does not exist"},
        {{.command = "x", .group = "no-such"}, 126, "group \"no-such\" does not exist"},
    };
    for (const auto& row : rows) {
        const auto end = world.run(row.spec);
        CHECK_FALSE(end.started);
        CHECK_FALSE(end.ok());
        CHECK(end.code == row.code);
        CHECK_THAT(end.why, Catch::Contains(row.why));
    }
    const auto missing = world.run({.command = "no-such-command"}); // the shell tells this one
    CHECK(missing.started);
    CHECK(missing.code == 127);
    ::unlink(plain.c_str());
}

TEST_CASE("as root a task is its user with all groups; else another user is refused", "[run]")
{
    World world(Isolation::detect);
    if (::geteuid() == 0) {
        auto end =
            world.run({.command = "id -u; id -g; id -G; echo $HOME $USER", .user = "nobody"});
        CHECK(end.output_tail == "65534\n65534\n65534\n/nonexistent nobody\n");
        end = world.run({.command = "id -u; id -gn; pwd", .user = "nobody", .group = "daemon"});
        CHECK(end.output_tail == "65534\ndaemon\n/\n");
    } else {
        const auto end = world.run({.command = "id", .user = "root"});
        CHECK(end.code == 126);
        CHECK_THAT(end.why, Catch::Contains("needs the daemon to run as root"));
    }
    const auto umask = world.run({.command = "umask; pwd", .directory = "/usr", .umask = 077});
    CHECK(umask.output_tail == "0077\n/usr\n");
}

TEST_CASE("how it ended, how long and how much it took", "[run]")
{
    World world(GENERATE(Isolation::keeper, Isolation::detect));
    auto end = world.run({.command = "kill -SEGV $$"});
    CHECK(end.signal == SIGSEGV);
    CHECK(end.why == "ended by signal 11 (Segmentation fault)");
    end = world.run({.command = "exit 9"});
    CHECK(end.why == "exit code 9");
    end = world.run({.command = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"});
    CHECK(end.ok());
    CHECK(end.cpu > 1ms);
    CHECK(end.cpu <= 2 * end.duration);
    CHECK(end.peak_memory_kib > 100);
    CHECK(end.ended_at - end.started_at < 60s);
}

TEST_CASE("an output pipe that a stranger holds open does not hang the run", "[run]")
{
    World world(Isolation::detect);
    // The opened path keeps the pipe alive in this process after the task is gone.
    world.start({.id = 1, .command = "echo $$; read x < /dev/zero & sleep 0.3"});
    world.loop_until([&] { return !world.lines.empty(); });
    const int held = ::open(("/proc/" + world.lines.front() + "/fd/1").c_str(), O_WRONLY);
    REQUIRE(held >= 0);
    CHECK(world.wait(1).duration < 10s);
    ::close(held);
}
