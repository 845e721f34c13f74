// Who goes before whom: the daemon, the helper that clones tasks, the tasks.
#include "helpers.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace roleswap;
using run::Isolation;

namespace {

/// This process, as the unit of the daemon makes it, where it may.
struct RealTime {
    RealTime() = default;
    RealTime(const RealTime&) = delete;
    RealTime& operator=(const RealTime&) = delete;
    ~RealTime()
    {
        const sched_param none{};
        ::sched_setscheduler(0, SCHED_OTHER, &none);
    }
    sched_param priority{2};
    bool is = ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority) == 0;
};

} // namespace

TEST_CASE("a real-time daemon's helper comes right after it, and tasks are ordinary",
          "[run][spawner]")
{
    if (!helped()) return;
    const RealTime daemon;
    if (!daemon.is) return;
    World world(Isolation::cgroup);
    const auto task = world.run({.command = "chrt -p $$; nice"}).output_tail;
    CHECK_THAT(task, Catch::Contains("policy: SCHED_OTHER\n"));
    CHECK_THAT(task, Catch::EndsWith("\n0\n")); // reset to it when the helper was cloned
    sched_param its{};
    REQUIRE(::sched_getparam(helper_of(world), &its) == 0);
    CHECK(::sched_getscheduler(helper_of(world)) == (SCHED_RR | SCHED_RESET_ON_FORK));
    CHECK(its.sched_priority == 1);
}

TEST_CASE("of a moment with very many tasks only the first have a real-time helper",
          "[run][spawner]")
{
    if (!helped()) return;
    const RealTime daemon;
    if (!daemon.is) return;
    World world(Isolation::cgroup);
    for (run::RunId id = 1; id <= 300; ++id) world.start({.id = id, .argv = {"true"}});
    world.loop_until([&] { return world.ends.size() == 300; });
    CHECK(::sched_getscheduler(helper_of(world)) == SCHED_OTHER);
    REQUIRE(world.run({.argv = {"sleep", "0.15"}}).ok());
    REQUIRE(world.run({.argv = {"true"}}).ok());
    CHECK(::sched_getscheduler(helper_of(world)) == (SCHED_RR | SCHED_RESET_ON_FORK));
}

TEST_CASE("the helper goes before tasks, which have the priority of the daemon", "[run][spawner]")
{
    if (!helped() || ::geteuid() != 0) return;
    World world(Isolation::cgroup);
    const auto mine = ::getpriority(PRIO_PROCESS, 0);
    REQUIRE(world.run({.argv = {"true"}}).ok());
    CHECK(::getpriority(PRIO_PROCESS, static_cast<id_t>(helper_of(world))) ==
          std::max(mine - 10, -20));
    CHECK(world.run({.argv = {"nice"}}).output_tail == std::to_string(mine) + "\n");
}
