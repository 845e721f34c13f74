#include "task_times.hpp"

namespace roleswap::policy_test {

using namespace test;

TEST_CASE("late due times always run, older ones as catch-up says", "[task]")
{
    const auto plan = [](const char* rule, CatchUpPolicy policy, const char* from, const char* to) {
        const auto made = catch_up_plan(schedule(rule), policy, at(from), at(to));
        std::string list;
        for (const auto due : made.due) list += text(due).substr(11, 8) + " ";
        return fmt::format("{}skipped {}", list, made.skipped);
    };
    const auto hour = "0 * * * *";
    const CatchUpPolicy none{CatchUp::none, 100, 60s};
    const CatchUpPolicy newest{CatchUp::last, 100, 60s};
    const CatchUpPolicy all{CatchUp::all, 3, 60s};
    const auto day = "2026-01-01 00:00";
    CHECK(plan(hour, none, day, "2026-01-01 05:30") == "skipped 5");
    CHECK(plan(hour, newest, day, "2026-01-01 05:30") == "05:00:00 skipped 4");
    CHECK(plan(hour, all, day, "2026-01-01 05:30") == "03:00:00 04:00:00 05:00:00 skipped 2");
    CHECK(plan(hour, none, day, "2026-01-01 05:01") == "05:00:00 skipped 4");
    CHECK(plan(hour, none, day, "2026-01-01 05:01:01") == "skipped 5");
    CHECK(plan(hour, newest, day, "2026-01-01 05:00:30") == "05:00:00 skipped 4");
    CHECK(plan(hour, all, day, "2026-01-01 05:00:30") ==
          "02:00:00 03:00:00 04:00:00 05:00:00 skipped 1");
    CHECK(plan(hour, newest, day, "2026-01-01 00:59") == "skipped 0");
    CHECK(plan(hour, newest, day, day) == "skipped 0");
    CHECK(plan(hour, newest, day, "2025-12-31 00:00") == "skipped 0"); // the clock went back
    CHECK(plan("every 1s", none, day, "2026-01-01 00:00:02") == "00:00:01 00:00:02 skipped 0");
    CHECK(plan("every 20s", none, day, "2026-01-01 00:02:00") ==
          "00:01:00 00:01:20 00:01:40 00:02:00 skipped 2");
    CHECK(plan("@reboot", all, day, "2026-02-01 00:00") == "skipped 0");
    const CatchUpPolicy no_late{CatchUp::none, 100, 0s};
    CHECK(plan(hour, no_late, day, "2026-01-01 01:00") == "01:00:00 skipped 0");
    CHECK(plan(hour, no_late, day, "2026-01-01 01:00:01") == "skipped 1");
}

TEST_CASE("a task's own policy goes before the default of the pair", "[task]")
{
    Task task;
    const Defaults defaults{CatchUp::all, 7, 5s, "Europe/Berlin"};
    auto policy = catch_up_policy(task, defaults);
    CHECK(policy.catch_up == CatchUp::all);
    CHECK(policy.limit == 7);
    CHECK(policy.late_limit == 5s);
    task.catch_up = CatchUp::none;
    task.catch_up_limit = 9;
    task.late_limit = 0s;
    policy = catch_up_policy(task, defaults);
    CHECK(policy.catch_up == CatchUp::none);
    CHECK(policy.limit == 9);
    CHECK(policy.late_limit == 0s);
    task.schedule = "0 12 * * *";
    CHECK(text(schedule_of(task, defaults).next(at("2026-01-01 00:00"))) == "2026-01-01 11:00:00");
    task.timezone = "UTC";
    CHECK(text(schedule_of(task, defaults).next(at("2026-01-01 00:00"))) == "2026-01-01 12:00:00");
}

TEST_CASE("a due run starts, waits or is skipped by the overlap policy", "[task]")
{
    using enum OverlapDecision;
    for (const auto policy : {Overlap::skip, Overlap::queue, Overlap::parallel})
        CHECK(overlap_decision(policy, 0, 0) == start);
    CHECK(overlap_decision(Overlap::skip, 1, 0) == skip);
    CHECK(overlap_decision(Overlap::skip, 0, 1) == skip);
    CHECK(overlap_decision(Overlap::queue, 1, 0) == wait);
    CHECK(overlap_decision(Overlap::queue, 0, 1) == wait);
    CHECK(overlap_decision(Overlap::parallel, 3, 2) == start);
}

TEST_CASE("what follows the end of an attempt", "[task]")
{
    using Kind = RetryPlan::Kind;
    Task task;
    task.retries = 2;
    task.retry_delay = 5s;
    const RetryPlan done{Kind::done, 0ms, false};
    const RetryPlan counted{Kind::again, 5s, true};
    const RetryPlan free{Kind::again, 0ms, false};
    CHECK(retry_plan(task, 0, Outcome::succeeded) == done);
    CHECK(retry_plan(task, 0, Outcome::killed) == done);
    for (const auto outcome : {Outcome::failed, Outcome::not_started, Outcome::timed_out}) {
        CHECK(retry_plan(task, 0, outcome) == counted);
        CHECK(retry_plan(task, 1, outcome) == counted);
        CHECK(retry_plan(task, 2, outcome) == done);
    }
    CHECK(retry_plan(task, 2, Outcome::moved) == free);
    CHECK(retry_plan(task, 2, Outcome::unknown) == free);
    task.after_crash = AfterCrash::hold;
    CHECK(retry_plan(task, 0, Outcome::unknown).kind == Kind::hold);
}

TEST_CASE("the delay of a jitter is spread, bounded and the same for the same due time", "[task]")
{
    Task task;
    task.name = "a";
    CHECK(start_delay(task, at("2026-01-01 00:00")) == 0ms);
    task.jitter = 60s;
    auto sum = 0ms;
    for (int day = 0; day < 1000; ++day) {
        const auto due = at("2026-01-01 00:00") + days{day};
        const auto delay = start_delay(task, due);
        CHECK(delay == start_delay(task, due));
        CHECK((0ms <= delay && delay <= 60s));
        sum += delay;
    }
    CHECK((27s < sum / 1000 && sum / 1000 < 33s));
    auto other = task;
    other.name = "b";
    CHECK(start_delay(task, at("2026-01-01 00:00")) != start_delay(other, at("2026-01-01 00:00")));
}

} // namespace roleswap::policy_test
