#include "helpers.hpp"
#include <catch2/catch.hpp>
#include <cstdio>

using namespace roleswap;
using run::Isolation;

namespace {

/// Runs per second of `command`, with `flight` of them alive at a time.
double rate(World& world, const std::vector<std::string>& argv, std::size_t flight)
{
    const auto started = event::Loop::now();
    run::RunId next = 1;
    world.ends.clear();
    world.loop_until([&] {
        const bool more = event::Loop::now() - started < std::chrono::milliseconds(500);
        while (more && world.executor.alive() < flight) world.start({.id = next++, .argv = argv});
        return world.executor.alive() == 0;
    });
    for (const auto& [id, end] : world.ends) REQUIRE(end.ok());
    const auto took = event::Loop::now() - started;
    return static_cast<double>(world.ends.size()) * 1e6 / static_cast<double>(took.count());
}

} // namespace

TEST_CASE("start rate of short tasks", "[run][rate]")
{
    const auto isolation = GENERATE(Isolation::keeper, Isolation::cgroup);
    if (isolation == Isolation::cgroup && !cgroups_work()) return;
    World world(isolation);
    for (const std::size_t flight : {1, 16}) {
        const auto direct = rate(world, {"/bin/true"}, flight);
        const auto shell = rate(world, {"/bin/sh", "-c", ":"}, flight);
        std::printf("%s, %zu at a time: /bin/true %.0f/s, sh -c : %.0f/s\n",
                    isolation == Isolation::cgroup ? "cgroup" : "keeper", flight, direct, shell);
        CHECK(direct >
              1); // far below any real machine, however busy; the printed figure is the point
    }
}
