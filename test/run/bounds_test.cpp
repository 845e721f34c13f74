// Limits that need no systemd, figures, and what a run says of itself at its end.
#include "helpers.hpp"
#include "run/cgroup.hpp"
#include "run/obstacles.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <grp.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

using namespace roleswap;
using namespace std::chrono_literals;
using run::Isolation;
using run::Killed;

namespace {

/// Kilobytes of memory of this process.
std::int64_t resident()
{
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "VmRSS:") break;
    std::int64_t size = 0;
    status >> size;
    return size;
}

} // namespace

TEST_CASE("output above its limit ends the run", "[run]")
{
    World world(Isolation::detect);
    auto end = world.run({.command = "yes & yes", .output_max = 100'000});
    CHECK(end.killed == Killed::output);
    CHECK(end.why == "killed: it wrote more than 100000 bytes of output (output_max); let it "
                     "write less, or give the task a larger output_max");
    CHECK(end.output_bytes > 100'000);
    CHECK(end.output_bytes < 1'000'000);
    end = world.run({.command = "head -c 5000 /dev/zero", .output_max = 5000});
    CHECK(end.ok());
    CHECK(end.why.empty());
}

TEST_CASE("of ten gigabytes of output the end is kept, and no more memory is taken", "[.nightly]")
{
    World world(Isolation::detect);
    event::Timer forget(world.loop, [&] { world.lines.clear(); }); // which are kept here
    forget.start_every(1ms);
    constexpr std::uint64_t size = 10'000'000'000;
    REQUIRE(world.run({.id = 1, .command = "head -c 1000000 /dev/zero; echo"}).ok());
    const auto before = resident();
    const auto end =
        world.run({.id = 2, .command = fmt::format("head -c {} /dev/zero; echo end", size)});
    CHECK(end.ok());
    CHECK(end.output_bytes == size + 4);
    CHECK(end.output_tail.ends_with("end\n"));
    CHECK(end.output_tail.size() <= 64 * 1024);
    CHECK(resident() - before < 4096);
}

/// Each time it had to be made by a start, a daemon with threads slept for some 10 ms, proc(5).
TEST_CASE("there is room for the descriptors of thousands of runs before the first", "[run]")
{
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const World world(Isolation::detect);
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word && word != "FDSize:") continue;
    rlim_t room = 0;
    REQUIRE(status >> room);
    CHECK(room >= std::min<rlim_t>(limit.rlim_cur, 3000 * 5));
}

TEST_CASE("limits of processes hold, and may be raised by root only", "[run]")
{
    World world(Isolation::detect);
    CHECK(world
              .run({.command = "ulimit -n; ulimit -Sc",
                    .limits = {{RLIMIT_NOFILE, 77}, {RLIMIT_CORE, 0}}})
              .output_tail == "77\n0\n");
    const auto end =
        world.run({.command = "head -c 100000 /dev/zero > /tmp/" + World::own_name() + "-big",
                   .limits = {{RLIMIT_FSIZE, 4096}}});
    ::unlink(("/tmp/" + World::own_name() + "-big").c_str());
    CHECK_FALSE(end.ok());
    if (::geteuid() == 0) return;
    const auto refused = world.run({.argv = {"true"}, .limits = {{RLIMIT_NOFILE, 1U << 30U}}});
    CHECK_FALSE(refused.started);
    CHECK(refused.why == "set its limits (rlimit): Operation not permitted");
}

TEST_CASE("further groups are those of the task", "[run]")
{
    World world(Isolation::detect);
    const group* some = ::getgrnam("daemon");
    REQUIRE(some != nullptr);
    const auto end = world.run({.argv = {"id", "-G"}, .groups = {"daemon"}});
    if (::geteuid() != 0) {
        CHECK(end.why.find("further groups need the daemon to run as root") == 0);
        return;
    }
    CHECK_THAT(" " + end.output_tail, Catch::Contains(" " + std::to_string(some->gr_gid)));
    CHECK(world.run({.argv = {"true"}, .groups = {"no-such-group"}}).why ==
          "group \"no-such-group\" does not exist on this node; make the group, or give the task "
          "another one on this node");
}

TEST_CASE("a run says what outlived it and that it was deaf", "[run]")
{
    if (!cgroups_work()) return; // a keeper does not count
    World world(Isolation::cgroup);
    auto end = world.run({.command = "sleep 1000 & sleep 1000 & exit 3"});
    CHECK(end.why == "exit code 3; 2 of its processes outlived it and were killed");
    end = world.run({.command = "(setsid sleep 1000 &)"});
    CHECK(end.ok());
    CHECK(end.why == "1 of its processes outlived it and was killed");
    end = world.run({.command = "trap '' TERM; while :; do sleep 0.05; done", .timeout = 100ms});
    CHECK(end.why == "timed out after 0.1 s; it heeded no SIGTERM and was killed");
}

TEST_CASE("a run has figures: processor, memory, storage", "[run]")
{
    World world(GENERATE(Isolation::keeper, Isolation::detect));
    const auto file = "/var/tmp/" + World::own_name() + "-figures";
    const auto end = world.run({.command = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; "
                                           "dd if=/dev/zero bs=64k count=32 conv=fsync of=" +
                                           file + " 2>/dev/null"});
    ::unlink(file.c_str());
    CHECK(end.ok());
    CHECK(end.cpu > 1ms);
    CHECK(end.peak_memory_kib > 500);
    CHECK(end.written_bytes >= 32U * 65'536); // as much as was dirtied, getrusage(2)
}

TEST_CASE("figures of a cgroup are read as the kernel writes them", "[run]")
{
    const auto folder = "/tmp/" + World::own_name() + "-group";
    std::filesystem::create_directory(folder);
    const run::Cgroup group(folder);
    CHECK_FALSE(group.io());
    CHECK_FALSE(group.peak_memory());
    CHECK_FALSE(group.has("io.stat"));
    const auto write = [&](const char* file, const char* text) {
        std::ofstream(folder + "/" + file) << text; // formats: cgroup-v2.rst
    };
    write("io.stat", "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n"
                     "8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252\n");
    write("memory.events", "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n");
    write("pids.events", "max 17\n");
    write("memory.peak", "67108864\n");
    write("cgroup.procs", "12\n13\n");
    REQUIRE(group.io());
    CHECK(group.io()->read == 91'889'664);
    CHECK(group.io()->written == 613'781'504);
    CHECK(group.number("memory.events", "oom_kill ") == 1);
    CHECK(group.number("pids.events", "max ") == 17);
    CHECK(group.peak_memory() == 67'108'864);
    CHECK(group.processes() == 2);
    std::filesystem::remove_all(folder);
}

TEST_CASE("who is too late starts nothing", "[run]")
{
    event::Loop loop;
    run::ExecutorSettings settings;
    settings.name = World::own_name() + "-late";
    settings.too_late = [] { return true; };
    run::Executor executor(loop, settings, [](const run::OutputLine&) {});
    std::string why;
    executor.start({.id = 1, .argv = {"true"}}, [&](const run::RunEnd& end) {
        why = end.why;
        loop.exit(0);
    });
    loop.run();
    CHECK(why == "not started: the guard of this node has fired");
}

TEST_CASE("without systemd a run that needs a unit is not started and says what to do", "[run]")
{
    if (sd_booted() > 0) return; // the lab shows it
    World world(Isolation::detect);
    run::RunSpec spec{.argv = {"true"}};
    spec.unit.emplace();
    const auto found = run::obstacles(spec);
    REQUIRE(found.size() == 1);
    CHECK(found.front().what == "transient unit");
    CHECK(found.front().value == "systemd is not the service manager of this machine");
    const auto end = world.run(spec);
    CHECK_FALSE(end.started);
    CHECK(end.code == 126);
    CHECK_THAT(end.why, Catch::Contains("its transient unit cannot be made: systemd is not"));
    CHECK(world.executor.unit_group().empty());
}
