#pragma once
#include "world.hpp"
#include <limits>

namespace roleswap::explore {

struct Bounds {
    std::uint64_t states = 1'000'000; ///< distinct ones
    double seconds = std::numeric_limits<double>::infinity();
    unsigned live_sample = 16; ///< every so many-th state is healed and must settle
};

struct Report {
    std::uint64_t states = 0, edges = 0, settled = 0;
    unsigned depth = 0;
    bool closed = false; ///< nothing is left to be walked
    double seconds = 0;
    Seen seen;
    std::vector<Action> path; ///< to the violation, from the start, where there is one
};

/// Breadth first, so that the path to a violation is a shortest one.
Report search(const Mode& mode, const Bounds& bounds);

/// One random walk; empty where the packed world behaves as the world, else where it does not.
std::string same(const Mode& mode, std::uint64_t seed, unsigned steps);

} // namespace roleswap::explore
