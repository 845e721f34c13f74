#pragma once
#include "base/lsn.hpp"
#include "core/types.hpp"
#include <deque>

namespace roleswap::daemon {

/// How far a mirror is behind: in bytes, and since when it has not held what the master had.  Fed
/// with both positions again and again; pure.
class LagMeter {
public:
    void note(core::Ticks now, base::Lsn master, base::Lsn mirror)
    {
        if (master < master_) samples_.clear(); // another master
        if (master != master_) samples_.push_back({now, master});
        if (samples_.size() > samples_max) thin();
        master_ = master;
        mirror_ = mirror;
        while (!samples_.empty() && samples_.front().position <= mirror) samples_.pop_front();
    }
    std::uint64_t bytes() const { return base::distance(mirror_, master_); }
    /// Age of the oldest byte that the mirror does not hold; 0 = it holds all.
    core::Ticks behind(core::Ticks now) const
    {
        return samples_.empty() ? 0 : now - samples_.front().at;
    }

private:
    struct Sample {
        core::Ticks at;
        base::Lsn position;
    };
    static constexpr std::size_t samples_max = 1024;
    /// Every second one goes, never the oldest.
    void thin()
    {
        std::deque<Sample> kept;
        for (std::size_t i = 0; i < samples_.size(); i += 2) kept.push_back(samples_[i]);
        samples_ = std::move(kept);
    }
    std::deque<Sample> samples_;
    base::Lsn master_;
    base::Lsn mirror_;
};

} // namespace roleswap::daemon
