#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <chrono>
#include <functional>

namespace roleswap::work {

/// Calls back at a time of the wall clock, and early whenever that clock is set (NTP step, an
/// operator), so that the caller can plan anew.  timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
/// Pinned.
class WallTimer {
public:
    using Time = std::chrono::system_clock::time_point;
    /// Throws std::system_error.
    WallTimer(event::Loop& loop, std::function<void()> callback);

    void start_at(Time time);
    /// Tells only when the clock is set.
    void stop();

private:
    void ready();
    event::UniqueFd fd_;
    std::function<void()> callback_;
    event::Io io_;
};

} // namespace roleswap::work
