// What the executor is told of a task's bounds.
#include "task/error.hpp"
#include "work/confine.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

using namespace roleswap;
using Filter = run::UnitProperty::Filter;

namespace {

run::RunSpec spec_of(const task::Task& task)
{
    run::RunSpec spec;
    work::confine(spec, task);
    return spec;
}

} // namespace

TEST_CASE("limits of processes need no unit", "[confine]")
{
    task::Task task;
    CHECK_FALSE(spec_of(task).unit);
    task.rlimit = {{"nofile", "64"}, {"core", "unlimited"}};
    const auto spec = spec_of(task);
    CHECK_FALSE(spec.unit);
    CHECK(spec.limits ==
          std::vector<run::ProcessLimit>{{RLIMIT_CORE, RLIM_INFINITY}, {RLIMIT_NOFILE, 64}});
}

TEST_CASE("limits of a tree and a sandbox are properties of a unit", "[confine]")
{
    task::Task task;
    task.unit = true;
    CHECK(spec_of(task).unit->empty());
    task.memory_max = "64MiB";
    task.cpu_quota = "150%";
    task.tasks_max = 30;
    task.io_weight = 20;
    task.rlimit = {{"nofile", "64"}};
    task.sandbox = {{"ProtectSystem", "strict"},
                    {"PrivateTmp", "no"},
                    {"ReadOnlyPaths", "/srv  -/opt"},
                    {"SystemCallFilter", "~@mount reboot"},
                    {"RestrictAddressFamilies", "AF_UNIX"}};
    const auto spec = spec_of(task);
    CHECK(spec.limits.empty());
    const auto has = [&](const run::UnitProperty& property) {
        return std::ranges::count(*spec.unit, property) == 1;
    };
    CHECK(has({"MemoryMax", std::uint64_t{64} << 20U}));
    CHECK(has({"CPUQuotaPerSecUSec", std::uint64_t{1'500'000}}));
    CHECK(has({"TasksMax", std::uint64_t{30}}));
    CHECK(has({"IOWeight", std::uint64_t{20}}));
    CHECK(has({"LimitNOFILE", std::uint64_t{64}}));
    CHECK(has({"LimitNOFILESoft", std::uint64_t{64}}));
    CHECK(has({"ProtectSystem", std::string("strict")}));
    CHECK(has({"PrivateTmp", false}));
    CHECK(has({"ReadOnlyPaths", std::vector<std::string>{"/srv", "-/opt"}}));
    CHECK(has({"SystemCallFilter", Filter{false, {"@mount", "reboot"}}}));
    CHECK(has({"RestrictAddressFamilies", Filter{true, {"AF_UNIX"}}}));
    CHECK(spec.unit->size() == 11);
}

TEST_CASE("a node without systemd takes no task that needs a unit", "[confine]")
{
    task::Task task;
    task.name = "held";
    CHECK_NOTHROW(work::check_can_be_held(task));
    task.unit = true;
    if (sd_booted() > 0) return; // the lab shows the rest
    CHECK_THROWS_WITH(work::check_can_be_held(task),
                      Catch::Contains("task held: transient unit: systemd is not the service "
                                      "manager of this machine; allowed: run the node on"));
}
