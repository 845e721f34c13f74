// Who goes before whom: the daemon, the helper that clones tasks, the tasks.
#include "helpers.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
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
    /// As the unit has it: 2.
    bool begin(int priority = 2)
    {
        const sched_param its{priority};
        const bool may = helped() && ::sched_setscheduler(0, SCHED_RR, &its) == 0 &&
                         ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &its) == 0;
        if (!may) WARN("SKIPPED: no cgroup of its own, no helper, or no right to real time here");
        return may;
    }
};

/// What this process starts has no capabilities, capabilities(7), but this limit; so tasks cannot
/// be executed, only cloned.
class Unprivileged {
public:
    explicit Unprivileged(rlim_t priority_max)
    {
        ::getrlimit(RLIMIT_RTPRIO, &old_);
        const rlimit both{priority_max, std::max(priority_max, old_.rlim_max)};
        is = ::setrlimit(RLIMIT_RTPRIO, &both) == 0 &&
             ::prctl(PR_SET_SECUREBITS, SECBIT_NOROOT) == 0;
    }
    Unprivileged(const Unprivileged&) = delete;
    Unprivileged& operator=(const Unprivileged&) = delete;
    ~Unprivileged()
    {
        ::prctl(PR_SET_SECUREBITS, 0);
        ::setrlimit(RLIMIT_RTPRIO, &old_);
    }
    bool is;

private:
    rlimit old_{};
};

constexpr auto ordinary = SCHED_OTHER | SCHED_RESET_ON_FORK;
constexpr auto real_time = SCHED_RR | SCHED_RESET_ON_FORK;

int policy_of_helper(const World& world)
{
    const auto pid = helper_of(world);
    return pid > 0 ? ::sched_getscheduler(pid) : -1;
}

/// A machine that stands still makes two moments of one: then another one follows.
bool ordinary_after_many(World& world)
{
    for (int moment = 0; moment < 10; ++moment) {
        const auto before = world.ends.size();
        const auto end = before + 300;
        for (auto id = before + 1; id <= end; ++id)
            world.start({.id = static_cast<run::RunId>(id), .argv = {"true"}});
        world.loop_until([&] { return world.ends.size() == end; });
        if (policy_of_helper(world) == ordinary) return true;
    }
    return false;
}

} // namespace

TEST_CASE("a real-time daemon's helper comes right after it, and tasks are ordinary",
          "[run][spawner]")
{
    RealTime daemon;
    if (!daemon.begin()) return;
    World world(Isolation::cgroup);
    const auto task = world.run({.command = "chrt -p $$; nice"}).output_tail;
    CHECK_THAT(task, Catch::Contains("policy: SCHED_OTHER\n"));
    CHECK_THAT(task, Catch::EndsWith("\n0\n")); // reset to it when the helper was cloned
    sched_param its{};
    REQUIRE(::sched_getparam(helper_of(world), &its) == 0);
    CHECK(policy_of_helper(world) == real_time);
    CHECK(its.sched_priority == 1);
}

TEST_CASE("of a moment with very many tasks only the first have a real-time helper",
          "[run][spawner]")
{
    RealTime daemon;
    if (!daemon.begin()) return;
    World world(Isolation::cgroup);
    CHECK(ordinary_after_many(world));
    REQUIRE(world.run({.argv = {"sleep", "0.15"}}).ok());
    REQUIRE(world.run({.argv = {"true"}}).ok());
    CHECK(policy_of_helper(world) == real_time);
}

TEST_CASE("a helper that has only the limit RTPRIO becomes real-time and ordinary again",
          "[run][spawner]")
{
    RealTime daemon;
    if (!daemon.begin()) return;
    const Unprivileged child(1);
    if (!child.is) {
        WARN("SKIPPED: no right to raise the limit RTPRIO here");
        return;
    }
    World world(Isolation::cgroup);
    world.run({.argv = {"true"}});
    CHECK(policy_of_helper(world) == real_time);
    CHECK(ordinary_after_many(world));
}

TEST_CASE("a helper without the right to real time stays ordinary", "[run][spawner]")
{
    RealTime daemon;
    if (!daemon.begin()) return;
    const Unprivileged child(0);
    REQUIRE(child.is);
    World world(Isolation::cgroup);
    world.run({.argv = {"true"}});
    CHECK(policy_of_helper(world) == SCHED_OTHER);
}

TEST_CASE("below the lowest real-time priority a helper is ordinary", "[run][spawner]")
{
    RealTime daemon;
    if (!daemon.begin(1)) return;
    World world(Isolation::cgroup);
    REQUIRE(world.run({.argv = {"true"}}).ok());
    CHECK(policy_of_helper(world) == SCHED_OTHER);
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
