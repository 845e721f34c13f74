#pragma once
#include "core/types.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::daemon {

/// What decides which promises hold now, as one node sees it.
struct SafetyFacts {
    /// Of a part that need not be there.
    enum class Part : std::uint8_t { absent, well, unwell };
    core::Role role = core::Role::undecided;
    bool mirrored = false; ///< by the record: on the standby, it may take over
    bool probes = false;   ///< some are configured
    Part witness = Part::absent;
    bool split = false; ///< the endpoints of the witness belong to different etcds
    Part fence = Part::absent;
    std::string fence_by;     ///< "a human" or the device
    bool fence_trust = false; ///< nothing proves that the peer is off
    std::string peer;         ///< name of the other node
    Part guard = Part::well;
    bool guard_armed = false;
    Part serial = Part::absent;  ///< well: a null-modem cable is up
    std::size_t networks_up = 0; ///< links that are no serial ones
    std::size_t networks = 0;

    /// Of the dr node, where there is one.
    struct Dr {
        bool here = false;   ///< it is this node
        std::string name;    ///< of it
        bool heard = false;  ///< on a node of the pair: it is
        bool leads = false;  ///< by the newest record this node has
        bool mirror = false; ///< it streams now, as far as this node is in the place to know
        std::string lag;     ///< "12.0 KiB and 3 s"; empty: it lacks nothing, or nobody here knows
        std::vector<std::string> unheard; ///< on it: the nodes of the pair that it does not hear
    };
    std::optional<Dr> dr;
};

struct Safety {
    std::vector<std::string> holds;
    std::vector<std::string> unsafe; ///< what can go wrong in the present state, one sentence each
    bool operator==(const Safety&) const = default;
};

/// Pure: the same sentences for the same facts.
Safety safety_of(const SafetyFacts& facts);

} // namespace roleswap::daemon
