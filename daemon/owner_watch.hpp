#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <functional>
#include <memory>
#include <sys/types.h>

namespace roleswap::daemon {

/// Watches the process that owns the open operation (a runbook): when it dies, however it dies, the
/// operation must be ended.  Works for any process of this machine by its pidfd.  Pinned.
class OwnerWatch {
public:
    explicit OwnerWatch(event::Loop& loop) : loop_(loop) {}

    /// Replaces what was watched.  `on_death` comes at the next turn of the loop when there is no
    /// such process.
    void watch(pid_t pid, std::function<void()> on_death);
    void forget();
    pid_t pid() const { return pid_; }

private:
    void died();
    event::Loop& loop_;
    std::function<void()> on_death_;
    pid_t pid_ = 0;
    event::UniqueFd pidfd_;
    std::unique_ptr<event::Io> io_;
    std::unique_ptr<event::Deferred> gone_;
};

} // namespace roleswap::daemon
