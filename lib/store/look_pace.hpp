#pragma once
#include "event/loop.hpp"

namespace roleswap::store {

/// How soon a store that runs is looked at again: quickly for a while after something happened or
/// may have happened, seldom while all is quiet.  A value: times are given.
class LookPace {
public:
    static constexpr event::Duration quick{50'000};
    static constexpr event::Duration seldom{500'000};
    /// Of a standby, whose server connects again by itself, and whose master tells what it has.
    static constexpr event::Duration seldom_standby{1'000'000};
    static constexpr event::Duration lively{500'000}; ///< so long after the last stir

    /// True where the next look would have been long in coming: it is wanted now.
    bool stir(event::Duration now)
    {
        const bool quiet = is_quiet(now);
        stirred_at_ = now;
        return quiet;
    }
    event::Duration pause(event::Duration now) const { return is_quiet(now) ? seldom : quick; }
    event::Duration pause_of_standby(event::Duration now) const
    {
        return is_quiet(now) ? seldom_standby : quick;
    }

private:
    bool is_quiet(event::Duration now) const { return now - stirred_at_ >= lively; }
    event::Duration stirred_at_{0};
};

} // namespace roleswap::store
