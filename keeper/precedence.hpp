#pragma once
#include <chrono>
#include <sched.h>
#include <sys/types.h>

namespace roleswap::keeper {

/// Where many tasks are due at once, those that run must not keep the others from being started. So
/// the process that starts them has a higher weight than they, and of a real-time daemon the next
/// lower priority for the first ones: by weight alone, sched(7), it would have a small part of a
/// processor on which fifty of them run.  Not for all of thousands: who starts them and never lets
/// one end has them all alive at once, which takes more time in the sum.  Without the right to it,
/// all have the same priority, which delays starts and no more.
class Precedence {
public:
    explicit Precedence(pid_t daemon) noexcept;
    /// Another task is to be started.
    void note_start() noexcept;
    /// setpriority(2).
    int of_tasks() const { return of_tasks_; }

private:
    using Clock = std::chrono::steady_clock;
    void set_policy(int policy, int priority) noexcept;
    int of_tasks_;
    int policy_ = SCHED_OTHER; ///< for the first ones
    int priority_ = 0;
    unsigned first_left_ = 0; ///< of those
    Clock::time_point latest_{};
};

} // namespace roleswap::keeper
