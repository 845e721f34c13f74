#pragma once
#include "event/loop.hpp"
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace roleswap::daemon {

/// Tells of a trouble that repeats: the first time at once, then now and then with a count, and
/// once when it is over.  Pinned.
class Trouble {
public:
    struct Times {
        event::Duration repeat = std::chrono::minutes(1);
        event::Duration calm = std::chrono::seconds(5); ///< well for so long: it is over
    };
    struct Tell {
        std::function<void(const std::string& why)> trouble;
        std::function<void(const std::string& how)> over;
    };
    Trouble(event::Loop& loop, Tell tell, Times times);
    Trouble(event::Loop& loop, Tell tell) : Trouble(loop, std::move(tell), Times()) {}

    void happened(const std::string& why);
    /// What had trouble went well once.
    void well();

private:
    void repeat();
    void end();
    Tell tell_;
    Times times_;
    bool open_ = false;
    std::uint64_t untold_ = 0;
    std::uint64_t total_ = 0;
    event::Duration since_{0};
    std::string why_;
    event::Timer repeat_;
    event::Timer calm_;
};

} // namespace roleswap::daemon
