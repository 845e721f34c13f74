// The process that clones tasks for the daemon: whatever befalls it, each run ends exactly once.
#include "helpers.hpp"
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <random>
#include <sched.h>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

using namespace roleswap;
using namespace std::chrono_literals;
using run::Isolation;
using run::Killed;

namespace {

/// The one that has taken the place of `old`.
pid_t next_helper(World& world, pid_t old)
{
    pid_t pid = 0;
    while ((pid = helper_of(world)) == 0 || pid == old) sd_event_run(world.loop.get(), 1000);
    return pid;
}

std::string read_first(const std::string& path, const std::string& key)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key)) return line.substr(key.size());
    return {};
}

/// A signal is not at once: SIGSTOP has been heeded when the process is in state T.
void stop(pid_t pid)
{
    REQUIRE(pid > 1); // 0 would be who runs this
    REQUIRE(::kill(pid, SIGSTOP) == 0);
    const auto path = fmt::format("/proc/{}/status", pid);
    while (!read_first(path, "State:\t").starts_with("T")) ::sched_yield();
}

std::size_t descriptors()
{
    std::size_t count = 0;
    DIR* folder = ::opendir("/proc/self/fd");
    while (::readdir(folder) != nullptr) ++count;
    ::closedir(folder);
    return count;
}

/// For so long the loop is let run.
void run_for(World& world, event::Duration time)
{
    bool over = false;
    event::Timer timer(world.loop, [&] { over = true; });
    timer.start_in(time);
    world.loop_until([&] { return over; });
}

std::string mark()
{
    static int count = 0;
    return fmt::format("spawner-word-{}-{}", ::getpid(), ++count);
}

std::string file_of(const std::string& word)
{
    return "/tmp/" + word;
}

/// One line per process that was executed.
std::size_t lines_of(const std::string& path)
{
    std::ifstream file(path);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
}

void count_ends(World& world, run::RunSpec spec, std::map<run::RunId, int>& ends)
{
    world.executor.start(std::move(spec), [&world, &ends](const run::RunEnd& end) {
        ++ends[end.id];
        world.ends[end.id] = end;
    });
}

} // namespace

TEST_CASE("the helper is small, ordinary, and holds nothing of the daemon", "[run][spawner]")
{
    if (!helped()) return;
    ::setenv("LEAKED_FROM_DAEMON", "1", 1);
    World world(Isolation::cgroup);
    CHECK_THAT(world.executor.describe(), Catch::Contains(", started by roleswap-keeper;"));
    REQUIRE(world.run({.argv = {"true"}}).ok());
    const auto proc = fmt::format("/proc/{}", helper_of(world));
    std::string name;
    std::getline(std::ifstream(proc + "/comm"), name);
    CHECK(name == "roleswap-spawn");
    CHECK(std::ifstream(proc + "/environ").peek() == EOF);
    CHECK(read_first(proc + "/oom_score_adj", "") == "0");
    CHECK(std::stoi(read_first(proc + "/status", "VmRSS:")) < 8000); // kB
    std::set<std::string> open;
    DIR* folder = ::opendir((proc + "/fd").c_str());
    while (const dirent* entry = ::readdir(folder)) open.insert(entry->d_name);
    ::closedir(folder);
    CHECK(open == std::set<std::string>{".", "..", "0", "1", "2", "3"});
}

TEST_CASE("the helper shot at random moments: each of many runs starts and ends once",
          "[run][spawner]")
{
    if (!helped()) return;
    World world(Isolation::cgroup);
    const auto word = mark();
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::map<run::RunId, int> ends;
    unsigned shot = 0;
    std::size_t seen = 0; ///< ends, at the last shot
    event::Timer shoot(world.loop, [&] {
        // Three in a row that did nothing, and for a while there would be none.
        const auto pid = ends.size() == seen ? 0 : helper_of(world);
        if (pid > 0 && ::kill(pid, SIGKILL) == 0) {
            ++shot;
            seen = ends.size();
        }
        shoot.start_in(std::chrono::microseconds(random() % 4'000));
    });
    shoot.start_in(1ms);
    run::RunId last = 0; // of a hundred at once
    const auto start = [&](run::RunId id) {
        count_ends(world,
                   {.id = id,
                    .command = fmt::format("echo {} >>{}", id, file_of(word)),
                    .environment = {"WORD=" + word}},
                   ends);
    };
    while (last < 500 || (shot <= 5 && last < 5000)) {
        for (int i = 0; i < 100; ++i) start(++last);
        world.loop_until([&] { return world.ends.size() == static_cast<std::size_t>(last); });
    }
    shoot.stop();
    CHECK(shot > 5);
    for (const auto& [id, count] : ends) CHECK(count == 1);
    for (const auto& [id, end] : world.ends) {
        CHECK(end.ok());
        CHECK(end.why.empty());
    }
    CHECK(lines_of(file_of(word)) == world.ends.size());
    ::unlink(file_of(word).c_str());
    CHECK(processes_with(word).empty());
    CHECK(world.executor.alive() == 0);
}

TEST_CASE("a run starts when its process is made, not when that was asked", "[run][spawner]")
{
    if (!helped()) return;
    World world(Isolation::cgroup);
    const auto helper = helper_of(world);
    stop(helper);
    world.start({.id = 1, .argv = {"true"}});
    run_for(world, 50ms);
    const auto goes_on = std::chrono::system_clock::now();
    REQUIRE(::kill(helper, SIGCONT) == 0);
    const auto end = world.wait(1);
    CHECK(end.started_at >= std::chrono::floor<std::chrono::microseconds>(goes_on));
    CHECK(end.started_at <= end.ended_at);
    CHECK(end.duration <= end.ended_at - end.started_at + 10ms);
}

TEST_CASE("a stopped helper holds neither the loop nor a kill nor a time-out", "[run][spawner]")
{
    if (!helped()) return;
    World world(Isolation::cgroup);
    const auto helper = helper_of(world);
    stop(helper);
    const auto word = mark();
    for (int id = 1; id <= 100; ++id)
        world.start({.id = id, .command = "sleep 1000", .environment = {"WORD=" + word}});
    world.start({.id = 101, .command = "sleep 1000", .timeout = 50ms});
    int ticks = 0;
    event::Timer tick(world.loop, [&] { ++ticks; });
    tick.start_every(5ms);
    world.loop_until([&] { return ticks == 20; });
    CHECK(world.executor.alive() == 100); // of these none has begun; the time-out held
    CHECK_THAT(world.executor.describe(), Catch::Contains(", 100 being started"));
    CHECK(world.ends.at(101).killed == Killed::timed_out);
    CHECK_FALSE(world.ends.at(101).started);
    CHECK(world.ends.at(101).why == "timed out after 0.05 s");
    CHECK(processes_with(word).empty());
    CHECK(world.executor.kill(100)); // it waits
    CHECK(world.executor.kill(1));   // it was asked for
    for (const auto id : {1, 100}) {
        const auto end = world.wait(id);
        CHECK(end.killed == Killed::by_request);
        CHECK(end.why == "killed by request");
        CHECK_FALSE(end.started);
    }
    next_helper(world, helper);
    world.loop_until([&] { return processes_with(word).size() >= 98; }); // with the next helper
    world.kill_all();
    CHECK(processes_with(word).empty());
}

TEST_CASE("a helper that stays silent is replaced, and says so", "[run][spawner]")
{
    if (!helped()) return;
    auto settings = World::usual(Isolation::cgroup);
    std::vector<std::string> told;
    settings.spawner_patience = 100ms;
    settings.on_spawner_lost = [&](const std::string& why) { told.push_back(why); };
    World world(std::move(settings));
    const auto helper = helper_of(world);
    stop(helper);
    for (int id = 1; id <= 10; ++id) world.start({.id = id, .argv = {"true"}});
    world.loop_until([&] { return world.ends.size() == 10; });
    for (const auto& [id, end] : world.ends) CHECK(end.ok());
    CHECK(helper_of(world) != helper);
    REQUIRE_FALSE(told.empty());
    CHECK_THAT(told.front(), Catch::Contains("did not answer and was killed; a new one is started, "
                                             "and begins with 10 tasks"));
}

TEST_CASE("kill_all is sure while starts are under way: nothing begins afterwards",
          "[run][spawner]")
{
    if (!helped()) return;
    World world(Isolation::cgroup);
    const auto word = mark();
    for (int round = 0; round < 10; ++round) {
        INFO("round " << round);
        const bool stopped = round % 2 == 0;
        world.ends.clear();
        REQUIRE(world.run({.id = 1000, .argv = {"true"}}).ok());
        INFO(world.executor.describe());
        if (stopped) stop(helper_of(world));
        for (int id = 1; id <= 60; ++id)
            world.start({.id = id,
                         .command = fmt::format("echo x >>{}; exec sleep 1000", file_of(word)),
                         .environment = {"WORD=" + word}});
        if (stopped)
            run_for(world, 20ms);
        else
            world.loop_until([&] { return lines_of(file_of(word)) > 0; });
        if (stopped) REQUIRE(lines_of(file_of(word)) == 0);
        const auto helper = helper_of(world);
        world.kill_all();
        CHECK(world.ends.size() == 61);
        CHECK(world.executor.alive() == 0);
        CHECK(processes_with(word).empty());
        if (stopped) ::kill(helper, SIGCONT); // it is dead, or this would begin them
        run_for(world, 20ms);
        CHECK(processes_with(word).empty());
        if (stopped) CHECK(lines_of(file_of(word)) == 0);
        for (const auto& [id, end] : world.ends)
            CHECK((id == 1000 || end.killed == Killed::with_all));
        ::unlink(file_of(word).c_str());
    }
}

TEST_CASE("what the guard's kill of the task cgroup ends, the helper is among", "[run][spawner]")
{
    if (!helped()) return;
    auto settings = World::usual(Isolation::cgroup);
    bool fired = false;
    int asked = 0; // when a run is made, and when it has its turn
    std::vector<std::string> told;
    settings.too_late = [&] { return ++asked, fired; };
    settings.on_spawner_lost = [&](const std::string& why) { told.push_back(why); };
    World world(std::move(settings));
    const auto word = mark();
    stop(helper_of(world));
    for (int id = 1; id <= 50; ++id)
        world.start({.id = id, .command = "sleep 1000", .environment = {"WORD=" + word}});
    world.loop_until([&] { return asked == 50 + 32; });
    fired = true;
    std::ofstream(world.executor.group() + "/cgroup.kill") << "1";
    world.loop_until([&] { return world.ends.size() == 50; });
    CHECK(processes_with(word).empty());
    for (const auto& [id, end] : world.ends) {
        CHECK_FALSE(end.started);
        CHECK(end.why == "not started: the guard of this node has fired");
    }
    REQUIRE(told.size() == 1);
    CHECK(told.front() == "the process that starts tasks was ended by signal 9 (Killed); a new one "
                          "is started, and begins with 32 tasks that were asked of the old one");
    fired = false; // the daemon took note
    CHECK(world.run({.id = 100, .argv = {"true"}}).ok());
}

TEST_CASE("large environments and many arguments arrive whole", "[run][spawner]")
{
    World world(Isolation::detect);
    run::RunSpec spec{.command = "printf %s \"$B7\" | wc -c; env | grep -c ^B"};
    for (int i = 0; i < 10; ++i)
        spec.environment.push_back(fmt::format("B{}={}", i, std::string(100'000, 'b')));
    CHECK(world.run(spec).output_tail == "100000\n10\n");
    run::RunSpec many{.argv = {"sh", "-c", "echo $#", "sh"}};
    many.argv.resize(20'004, "an argument");
    CHECK(world.run(many).output_tail == "20000\n");
    run::RunSpec huge{.argv = {"true"}};
    huge.environment.push_back("B=" + std::string(1'000'000, 'b'));
    const auto refused = world.run(huge);
    CHECK_FALSE(refused.started);
    CHECK_THAT(refused.why, Catch::Contains("B has 1000002 bytes"));
}

TEST_CASE("a thousand starts leave no descriptor and no child behind", "[run][spawner]")
{
    World world(Isolation::detect);
    REQUIRE(world.run({.argv = {"true"}}).ok());
    const auto before = descriptors();
    for (int id = 1; id <= 1000; ++id)
        world.start({.id = id, .argv = {id % 10 == 0 ? "no-such-command" : "true"}});
    world.loop_until([&] { return world.executor.alive() == 0; });
    CHECK(world.ends.size() == 1000);
    CHECK(descriptors() == before);
    std::string children;
    std::getline(std::ifstream(fmt::format("/proc/self/task/{}/children", ::getpid())), children);
    CHECK(children == (helped() ? fmt::format("{} ", helper_of(world)) : ""));
    if (!helped()) return;
    std::size_t count = 0;
    DIR* folder = ::opendir(fmt::format("/proc/{}/fd", helper_of(world)).c_str());
    while (::readdir(folder) != nullptr) ++count;
    ::closedir(folder);
    CHECK(count == 6);
}

TEST_CASE("a program that is no helper is given up, and the daemon clones", "[run][spawner]")
{
    if (!cgroups_work()) return;
    auto settings = World::usual(Isolation::cgroup);
    std::vector<std::string> told;
    settings.spawner = GENERATE("/bin/true", "/etc/passwd", "/no/such/program");
    settings.on_spawner_lost = [&](const std::string& why) { told.push_back(why); };
    World world(settings);
    for (int id = 1; id <= 100; ++id) world.start({.id = id, .argv = {"true"}});
    world.loop_until([&] { return world.ends.size() == 100; });
    for (const auto& [id, end] : world.ends) {
        INFO(end.why);
        CHECK(end.ok());
    }
    INFO(world.executor.describe());
    CHECK_THAT(world.executor.describe(),
               Catch::Contains("started by this process itself (" + settings.spawner));
    CHECK(told.size() <= 3);
}

TEST_CASE("the helper and what it cloned end with the daemon", "[run][spawner]")
{
    if (!helped()) return;
    const auto word = mark();
    const auto name = World::own_name() + "-ends";
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t daemon = ::fork();
    if (daemon == 0) {
        World world(Isolation::cgroup, name);
        world.start(
            {.id = 1, .command = "echo up; exec sleep 1000", .environment = {"WORD=" + word}});
        world.wait_line("up");
        const auto helper = helper_of(world);
        stop(helper); // its end is not its own doing
        for (int id = 2; id <= 20; ++id)
            world.start({.id = id, .command = "sleep 1000", .environment = {"WORD=" + word}});
        run_for(world, 5ms);
        [[maybe_unused]] const auto told = ::write(ends[1], &helper, sizeof helper);
        ::pause();
    }
    pid_t helper = 0;
    REQUIRE(::read(ends[0], &helper, sizeof helper) == ssize_t{sizeof helper});
    ::kill(daemon, SIGKILL);
    ::waitpid(daemon, nullptr, 0);
    const auto gone = [](pid_t pid) {
        const auto state = read_first(fmt::format("/proc/{}/status", pid), "State:\t");
        return state.empty() || state.starts_with("Z");
    };
    while (!gone(helper)) ::sched_yield();
    while (!processes_with(word).empty()) ::sched_yield();
    const World next(Isolation::cgroup, name); // takes the empty folders away
    ::close(ends[0]);
    ::close(ends[1]);
}
