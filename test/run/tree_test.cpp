#include "helpers.hpp"
#include "run/cgroup.hpp"
#include "run/child.hpp"
#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace roleswap;
using namespace std::chrono_literals;
using run::Isolation;
using run::Killed;

namespace {

Isolation each_isolation()
{
    const auto isolation = GENERATE(Isolation::keeper, Isolation::cgroup);
    if (isolation == Isolation::cgroup && !cgroups_work()) return Isolation::detect;
    return isolation;
}

/// Seven processes: deaf to SIGTERM, double forked, in sessions of their own, all marked by `word`.
std::string stubborn_tree(const std::string& word)
{
    return fmt::format(
        "trap '' TERM; for i in 1 2 3; do "
        "(setsid sh -c 'trap \"\" TERM; sleep 1000 & echo up; sleep 1000; : {0}' &) ; done; "
        "while :; do sleep 1000; done; : {0}",
        word);
}

} // namespace

TEST_CASE("where no cgroup can be had it says so", "[run]")
{
    if (!cgroups_work()) WARN("SKIPPED: cgroup per run (keepers are tested instead)");
    World world(Isolation::detect);
    INFO(world.executor.describe());
    CHECK((world.executor.describe().find("own cgroup") == 0) == cgroups_work());
    World keeper(Isolation::keeper, World::own_name() + "-k");
    CHECK(keeper.executor.describe().find("keeper process per run") == 0);
}

TEST_CASE("a killed run leaves nobody, however deep and deaf its tree", "[run]")
{
    World world(each_isolation());
    const auto word = fmt::format("tree-word-{}", ::getpid());
    world.start({.id = 7, .command = stubborn_tree(word), .environment = {"WORD=" + word}});
    world.loop_until([&] { return world.lines.size() == 3; });
    CHECK(processes_with(word).size() >= 7);
    CHECK(world.executor.kill(7));
    const auto end = world.wait(7);
    CHECK(end.killed == Killed::by_request);
    CHECK(end.signal == SIGKILL);
    CHECK(end.why == "killed by request");
    CHECK(processes_with(word).empty());
    CHECK_FALSE(world.executor.kill(7));
}

TEST_CASE("what a task leaves in the background ends with its main process", "[run]")
{
    World world(each_isolation());
    const auto word = fmt::format("daemon-word-{}", ::getpid());
    const auto up = fmt::format("/tmp/{}", word); // a process amid its exec has no environment
    const auto command = fmt::format("(setsid setsid sh -c ': > {0}; sleep 1000; :' &) ; "
                                     "until [ -e {0} ]; do sleep 0.01; done; echo done; exit 3",
                                     up);
    const auto end = world.run({.command = command, .environment = {"WORD=" + word}});
    ::unlink(up.c_str());
    CHECK(end.code == 3);
    CHECK(end.killed == Killed::no);
    CHECK(end.output_tail == "done\n");
    CHECK(end.duration < 5s);
    CHECK(processes_with(word).empty());
}

TEST_CASE("a time-out asks first and then kills the tree", "[run]")
{
    World world(each_isolation());
    auto end = world.run({.command = "trap 'echo asked; exit 4' TERM; while :; do sleep 0.01; done",
                          .timeout = 200ms});
    CHECK(end.killed == Killed::timed_out);
    CHECK(end.code == 4);
    CHECK_THAT(end.output_tail, Catch::EndsWith("asked\n")); // after "Terminated", of the sleep
    CHECK(end.why == "timed out after 0.2 s");
    const auto word = fmt::format("timeout-word-{}", ::getpid());
    end = world.run(
        {.command = stubborn_tree(word), .environment = {"WORD=" + word}, .timeout = 200ms});
    CHECK(end.killed == Killed::timed_out);
    CHECK(end.signal == SIGKILL);
    CHECK(end.duration >= 300ms); // the grace time of these tests is 100 ms
    CHECK(processes_with(word).empty());
}

TEST_CASE("kill_all answers when every process of every task is dead", "[run]")
{
    World world(each_isolation());
    world.kill_all(); // also with nothing alive
    const auto word = fmt::format("all-word-{}", ::getpid());
    for (int id = 1; id <= 10; ++id)
        world.start({.id = id, .command = stubborn_tree(word), .environment = {"WORD=" + word}});
    world.loop_until([&] { return world.lines.size() == 30; });
    CHECK(world.executor.alive() == 10);
    world.kill_all();
    CHECK(processes_with(word).empty());
    CHECK(world.ends.size() == 10);
    for (const auto& [id, end] : world.ends) CHECK(end.killed == Killed::with_all);
    CHECK(world.executor.alive() == 0);
}

TEST_CASE("a fork bomb is ended", "[run]")
{
    World world(each_isolation());
    const auto word = fmt::format("bomb-word-{}", ::getpid());
    world.start({.id = 1,
                 .command = "b() { n=$1; echo b; while [ $n -lt 7 ]; do n=$((n+1)); (b $n) & done; "
                            "sleep 1000; }; b 0",
                 .environment = {"WORD=" + word}});
    world.loop_until([&] { return world.lines.size() >= 40; });
    world.executor.kill(1);
    world.wait(1);
    CHECK(processes_with(word).empty());
}

TEST_CASE("a keeper that is shot loses no task process", "[run]")
{
    World world(Isolation::keeper);
    const auto word = fmt::format("orphan-word-{}", ::getpid());
    world.start({.id = 1,
                 .command = "(setsid sleep 1000 &) ; echo $PPID; sleep 1000",
                 .environment = {"WORD=" + word}});
    world.loop_until([&] { return !world.lines.empty(); });
    ::kill(std::stoi(world.lines.front()), SIGKILL);
    const auto end = world.wait(1);
    CHECK(end.signal == SIGKILL);
    CHECK(processes_with(word).empty());
}

TEST_CASE("a new executor ends what a dead daemon of its name left", "[run]")
{
    const auto isolation = each_isolation();
    const auto word = fmt::format("leftover-word-{}", ::getpid());
    const auto name = World::own_name() + "-left";
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t daemon = ::fork();
    if (daemon == 0) {
        World old(isolation, name);
        old.start({.id = 1,
                   .command = "(setsid sleep 1000 &) ; echo up; sleep 1000",
                   .environment = {"WORD=" + word}});
        old.wait_line("up");
        [[maybe_unused]] const auto told = ::write(ends[1], "u", 1);
        ::pause();
    }
    char told = 0;
    REQUIRE(::read(ends[0], &told, 1) == 1);
    CHECK(processes_with(word).size() >= 2);
    ::kill(daemon, SIGKILL);
    ::waitpid(daemon, nullptr, 0);
    const World next(isolation, name);
    CHECK(processes_with(word).empty());
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a cgroup that is removed as soon as it is empty is seen to be empty")
{
    if (!cgroups_work()) return;
    event::Loop loop;
    const auto root = run::make_task_root(World::own_name() + "-watch");
    for (int i = 0; i < 20; ++i) {
        const run::Cgroup cgroup(root.path() + "/" + std::to_string(i));
        cgroup.create();
        const pid_t pid = run::clone_process(cgroup.open().get());
        if (pid == 0) {
            ::pause();
            ::_exit(0);
        }
        REQUIRE(pid > 0);
        bool empty = false;
        const run::EmptyWatch watch(loop, cgroup, [&] { empty = true; });
        while (sd_event_run(loop.get(), 0) > 0) {
        }
        REQUIRE_FALSE(empty);
        cgroup.kill();
        REQUIRE(::waitpid(pid, nullptr, 0) == pid);
        cgroup.remove();
        const auto end = event::Loop::now() + std::chrono::seconds(5);
        while (!empty && event::Loop::now() < end) sd_event_run(loop.get(), 100'000);
        CHECK(empty);
    }
    root.remove();
}
