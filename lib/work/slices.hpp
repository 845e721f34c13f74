#pragma once
#include "event/loop.hpp"
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>

namespace roleswap::work {

/// No piece of work of the engine keeps the loop longer, but for its last step.
inline constexpr std::chrono::milliseconds turn_max{2};

enum class Slice : std::uint8_t {
    more, ///< call again
    over, ///< this job is done
};

/// Work on thousands of tasks, cut into slices: between them the loop turns, or the heartbeats
/// would stop and the peer take over.  Jobs run one after another.  Pinned.
class Slices {
public:
    explicit Slices(event::Loop& loop)
        : later_(
              loop, [this] { run(); }, event::Priority::low)
    {
    }

    /// Calls `step`, which does a little of the work, again and again until it is over; never
    /// inside this call.  A step may add jobs and clear them all.
    void add(std::function<Slice()> step);
    /// Forgets all jobs.
    void clear();

private:
    void run();
    std::deque<std::function<Slice()>> jobs_;
    std::uint64_t cleared_ = 0;
    event::Deferred later_;
};

} // namespace roleswap::work
