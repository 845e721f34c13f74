#pragma once
#include "task/schedule.hpp"
#include "task/task.hpp"
#include <optional>

/// What the engine does with due times and ended runs, decided without clock and store.
namespace roleswap::task {

/// The time zone a task is scheduled in.  Throws Error.
Schedule schedule_of(const Task& task, const Defaults& defaults);

/// How long after its due time a run of the task starts: 0 to its jitter, the same on both nodes.
milliseconds start_delay(const Task& task, Time due);

struct CatchUpPolicy {
    CatchUp catch_up = CatchUp::last;
    std::uint32_t limit = 100; ///< runs made for CatchUp::all
    milliseconds late_limit{60'000};
};
CatchUpPolicy catch_up_policy(const Task& task, const Defaults& defaults);

struct CatchUpPlan {
    std::vector<Time> due;     ///< ascending: make a run for each
    std::size_t made_up = 0;   ///< so many of them, the first ones, are older than late_limit
    std::uint64_t skipped = 0; ///< due times that get no run
};
/// Decides about the due times in (last_due, now].  Those at most late_limit old get a run in any
/// case.  Of the older ones: `none` no run; `last` one run for the newest, when nothing newer gets
/// one; `all` the newest `limit`.
CatchUpPlan catch_up_plan(const Schedule& schedule, const CatchUpPolicy& policy, Time last_due,
                          Time now);

/// Nobody planned due times in (from, until].
struct Outage {
    Time from;
    Time until;
    bool operator==(const Outage&) const = default;
};
/// What lies between the last sign of a scheduler that lives and now, where it is longer than
/// `hold_after`; 0 is never.
std::optional<Outage> outage_between(Time alive, Time now, milliseconds hold_after);

enum class OverlapDecision : std::uint8_t {
    start, ///< may start now
    wait,  ///< starts when the earlier runs are over
    skip,  ///< gets no process; recorded as skipped
};
/// For a run that comes due while `running` earlier runs of its task have a process and `waiting`
/// have none yet.
OverlapDecision overlap_decision(Overlap policy, std::size_t running, std::size_t waiting);

/// How an attempt ended.
enum class Outcome : std::uint8_t {
    succeeded,   ///< exit status 0
    failed,      ///< other exit status, or a signal
    not_started, ///< no process could be made
    timed_out,   ///< stopped after the task's timeout
    killed,      ///< stopped by an operator
    moved,       ///< stopped by a swap (on_swap = move)
    unknown,     ///< its node died
};
struct RetryPlan {
    enum class Kind : std::uint8_t {
        done,  ///< the outcome is final
        again, ///< a further attempt after `delay`
        hold,  ///< an operator has to decide
    };
    Kind kind = Kind::done;
    milliseconds delay{0};
    bool counts = false; ///< the further attempt uses up one of the task's retries
    bool operator==(const RetryPlan&) const = default;
};
/// `retries_used` is 0 after the first attempt.
RetryPlan retry_plan(const Task& task, std::uint32_t retries_used, Outcome outcome);

} // namespace roleswap::task
