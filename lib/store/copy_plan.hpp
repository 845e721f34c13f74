#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace roleswap::store {

/// What a full copy needs, in bytes and bytes per second.
struct CopyPlan {
    std::uint64_t data = 0; ///< of the master's tables
    double rate = 0;        ///< of a whole copy, checks included; 0: not known
    double check_rate = 0;  ///< of checking and syncing what was copied; 0: not known
    bool sampled = false;   ///< the rate is of a short sample alone
    double line_rate = 0;   ///< what the sample found; 0: there was none
    double disk_rate = 0;
    double wal_rate = 0;    ///< how fast the master writes its log

    /// What the line and the disk do for some MiB now.  It counts as much as the copy before: that
    /// one knows all that a copy needs, the sample how busy everything is today.
    void sample(double line, double disk);
    double seconds() const;
    /// Log that comes during the copy, twice what is expected, and the segments that postgres
    /// keeps for itself (min_wal_size).
    std::uint64_t log() const;
    std::uint64_t needed() const { return data + log(); }
    /// Of a copy that has done so many bytes in so many seconds: at its begin the copy before
    /// counts more than the first moments, which are slow.  0: not known.
    double rate_after(double bytes, double seconds) const;
    /// One sentence each, for people.
    std::string estimate() const;
    std::string refusal(std::uint64_t free, const std::string& folder) const;
};

/// How far a full copy is.
struct CopyProgress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    double rate = 0;                     ///< bytes per second since it began to copy; 0: not known
    double check_rate = 0;               ///< see CopyPlan; 0: it is guessed from `rate`
    std::optional<double> checked_for{}; ///< seconds, when all is copied

    /// Until the copy is there, checked and synced; 0: not known.
    double seconds_left() const;
};

} // namespace roleswap::store
