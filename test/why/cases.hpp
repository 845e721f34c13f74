#pragma once
#include "bench.hpp"
#include <vector>

namespace roleswap::core::test {

/// One decision of each kind, played up to it.
struct Case {
    const char* says; ///< what `roleswap why` shall make clear
    const char* name; ///< of the golden file
    const char* what; ///< the event that tells it
    Settings settings;
    Record disk;
    void (*play)(Bench&);
};

const std::vector<Case>& cases();

/// With probes, without witness and fence.
Settings pair_only();
Settings with_witness();
Settings with_fence();
/// What the disk of a node holds that becomes master.
inline constexpr Record was_master{3, Node::first, Mode::alone, 0};

} // namespace roleswap::core::test
