// The cgroups of direct runs: made before they are wanted, removed when all is quiet.
#include "helpers.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

using namespace roleswap;
using run::Isolation;
using run::Killed;

namespace {

std::set<std::string> groups_in(const World& world)
{
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(world.executor.group()))
        if (const auto name = entry.path().filename().string(); name.starts_with("run-"))
            names.insert(name);
    return names;
}

/// Until the reserve is there, and all that ended is gone.
std::set<std::string> settled(World& world)
{
    std::set<std::string> before;
    std::set<std::string> now;
    event::Timer again(world.loop, [] {});
    do {
        before = groups_in(world);
        again.start_in(std::chrono::milliseconds(700));
        world.loop_until([&] { return !again.running(); });
        now = groups_in(world);
    } while (now.empty() || now != before);
    return now;
}

} // namespace

TEST_CASE("the cgroups of the next runs are there before they start", "[run][groups]")
{
    if (!cgroups_work()) return;
    World world(Isolation::cgroup);
    const auto reserve = settled(world);
    CHECK(reserve.size() >= 16);
    for (run::RunId id = 1; id <= 10; ++id)
        world.start({.id = id, .argv = {"cat", "/proc/self/cgroup"}});
    CHECK(groups_in(world) == reserve); // taken, not made
    world.loop_until([&] { return world.ends.size() == 10; });
    for (const auto& [id, end] : world.ends) CHECK(end.ok());
    std::set<std::string> used;
    for (const auto& line : world.lines) // one for each hierarchy
        if (line.starts_with("0::")) used.insert(line.substr(line.rfind('/') + 1));
    CHECK(used.size() == 10);
    CHECK(std::ranges::includes(reserve, used));
    const auto next = settled(world);
    CHECK(next.size() == reserve.size());
    CHECK_FALSE(next.contains("run-10"));
}

TEST_CASE("what was killed with all leaves no cgroup in which a later run dies", "[run][groups]")
{
    if (!cgroups_work()) return;
    World world(Isolation::cgroup);
    for (run::RunId round = 1; round <= 3; ++round) {
        settled(world);
        const auto id = round * 100;
        world.start({.id = id, .argv = {"sleep", "1000"}});
        world.loop_until([&] { return world.executor.alive() == 1; });
        world.kill_all();
        CHECK(world.wait(id).killed == Killed::with_all);
        for (run::RunId later = id + 1; later <= id + 20; ++later)
            world.start({.id = later, .argv = {"true"}});
        for (run::RunId later = id + 1; later <= id + 20; ++later) CHECK(world.wait(later).ok());
    }
}

TEST_CASE("no cgroup stays behind an executor", "[run][groups]")
{
    if (!cgroups_work()) return;
    std::string group;
    {
        World world(Isolation::cgroup);
        settled(world);
        CHECK(world.run({.argv = {"true"}}).ok());
        group = world.executor.group();
    }
    CHECK_FALSE(std::filesystem::exists(group));
}
