#pragma once
#include "guard/page.hpp"

namespace roleswap::guard {

/// When the hardware watchdog is fed: always, but while something that had to be dead is still
/// alive after the limit.  Then nobody here can end it (a process in D state), and the host has to
/// be reset.  Pure.
class Feeder {
public:
    /// `timeout` of the device in microseconds.
    explicit constexpr Feeder(Micros timeout) : period_(timeout / 4) {}

    /// How long a killed process may take to be gone before the host is given up.
    static constexpr Micros limit = 1'000'000;

    constexpr void killing_since(Micros now)
    {
        if (killing_ == never) killing_ = now;
    }
    constexpr void nothing_left() { killing_ = never; }

    constexpr bool gives_up(Micros now) const
    {
        return killing_ != never && now - killing_ > limit;
    }
    /// Feed now?  True at most once per quarter of the time-out.
    constexpr bool due(Micros now)
    {
        if (gives_up(now) || (fed_ != never && now - fed_ < period_)) return false;
        fed_ = now;
        return true;
    }

private:
    Micros period_;
    Micros fed_ = never;
    Micros killing_ = never;
};

} // namespace roleswap::guard
