#pragma once
#include <cstdint>
#include <string>

namespace roleswap::store {

/// What a full copy needs, in bytes and bytes per second.
struct CopyPlan {
    std::uint64_t data = 0; ///< of the master's tables
    double rate = 0;        ///< of the last copy on this node; 0 when there was none
    double wal_rate = 0;    ///< how fast the master writes its log

    double seconds() const;
    /// Log that comes during the copy, twice what is expected, and the segments that postgres
    /// keeps for itself (min_wal_size).
    std::uint64_t log() const;
    std::uint64_t needed() const { return data + log(); }
    /// One sentence each, for people.
    std::string estimate() const;
    std::string refusal(std::uint64_t free, const std::string& folder) const;
};

} // namespace roleswap::store
