#include "task/policy.hpp"
#include "task/hash.hpp"
#include <algorithm>

namespace roleswap::task {

Schedule schedule_of(const Task& task, const Defaults& defaults)
{
    const auto& zone = task.timezone.empty() ? defaults.timezone : *task.timezone;
    auto schedule = parse_schedule(task.schedule, Zone::named(zone));
    schedule.leave_out(Exclusions::parse(task.except));
    return schedule;
}

milliseconds start_delay(const Task& task, Time due)
{
    const auto choices = static_cast<std::uint64_t>(task.jitter.count()) + 1;
    const auto seed = hash(task.name) ^ static_cast<std::uint64_t>(due.time_since_epoch().count());
    return milliseconds{static_cast<std::int64_t>(spread(seed) % choices)};
}

CatchUpPolicy catch_up_policy(const Task& task, const Defaults& defaults)
{
    return {task.catch_up.value_or(defaults.catch_up),
            task.catch_up_limit.value_or(defaults.catch_up_limit),
            task.late_limit.value_or(defaults.late_limit)};
}

CatchUpPlan catch_up_plan(const Schedule& schedule, const CatchUpPolicy& policy, Time last_due,
                          Time now)
{
    if (now <= last_due) return {};
    const auto late_seconds = std::chrono::floor<std::chrono::seconds>(policy.late_limit);
    const auto late_after = std::max(last_due, now - late_seconds - std::chrono::seconds{1});
    CatchUpPlan plan;
    auto late = schedule.due_between(late_after, now, SIZE_MAX);
    std::size_t wanted = 0;
    if (policy.catch_up == CatchUp::all) wanted = policy.limit;
    if (policy.catch_up == CatchUp::last && late.total == 0) wanted = 1;
    auto older = schedule.due_between(last_due, late_after, wanted);
    plan.due = std::move(older.newest);
    plan.made_up = plan.due.size();
    plan.skipped = older.total - plan.due.size();
    plan.due.insert(plan.due.end(), late.newest.begin(), late.newest.end());
    return plan;
}

std::optional<Outage> outage_between(Time alive, Time now, milliseconds hold_after)
{
    if (hold_after.count() == 0 || now - alive <= hold_after) return {};
    return Outage{alive, now};
}

OverlapDecision overlap_decision(Overlap policy, std::size_t running, std::size_t waiting)
{
    if (policy == Overlap::parallel || running + waiting == 0) return OverlapDecision::start;
    return policy == Overlap::queue ? OverlapDecision::wait : OverlapDecision::skip;
}

RetryPlan retry_plan(const Task& task, std::uint32_t retries_used, Outcome outcome)
{
    using Kind = RetryPlan::Kind;
    switch (outcome) {
    case Outcome::succeeded:
    case Outcome::killed:
        return {Kind::done, milliseconds{0}, false};
    case Outcome::failed:
    case Outcome::not_started:
    case Outcome::timed_out:
        if (retries_used >= task.retries) return {Kind::done, milliseconds{0}, false};
        return {Kind::again, task.retry_delay, true};
    case Outcome::moved:
        return {Kind::again, milliseconds{0}, false};
    case Outcome::unknown:
        if (task.after_crash == AfterCrash::hold) return {Kind::hold, milliseconds{0}, false};
        return {Kind::again, milliseconds{0}, false};
    }
    return {};
}

} // namespace roleswap::task
