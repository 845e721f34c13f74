#pragma once
#include "event/loop.hpp"
#include <algorithm>
#include <cstdint>
#include <utility>

namespace roleswap::daemon {

/// How many lines of output go to the journal, of all tasks together.  Each costs the loop some
/// microseconds, and the heartbeats share that; journald(8) itself keeps fewer by default.  Pure.
class LineBudget {
public:
    static constexpr std::int64_t burst = 2000;
    static constexpr std::int64_t per_second = 2000;

    /// False: this one is left out.  `now` never goes back.
    bool take(event::Duration now)
    {
        const auto fresh = (now - filled_).count() * per_second / 1'000'000;
        if (fresh > 0) {
            left_ = std::min(burst, left_ + fresh);
            filled_ = now;
        }
        if (left_ == 0) {
            ++left_out_;
            return false;
        }
        --left_;
        return true;
    }
    /// Since it was asked last.
    std::uint64_t left_out() { return std::exchange(left_out_, 0); }

private:
    std::int64_t left_ = burst;
    std::uint64_t left_out_ = 0;
    event::Duration filled_{0};
};

} // namespace roleswap::daemon
