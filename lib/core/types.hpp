#pragma once
#include "base/lsn.hpp"
#include <cstdint>
#include <string_view>

namespace roleswap::core {

/// Core time: milliseconds of CLOCK_BOOTTIME since the daemon started, saturating.
using Ticks = std::uint64_t;
using Epoch = std::uint64_t;

/// The two nodes of the pair by their order in the configuration file, and the dr node, which is
/// none of them: it mirrors whoever is master and leads only by hand (dr.cpp).
enum class Node : std::uint8_t { first, second, dr };
/// The peer of a node of the pair.  The dr node has none: of it, the first node it talks to.
constexpr Node other(Node node)
{
    return node == Node::first ? Node::second : Node::first;
}
/// The third node as seen from `node`: the dr node, and from there the second one.
constexpr Node third(Node node)
{
    return node == Node::dr ? Node::second : Node::dr;
}

/// Epochs of the dr node are the multiples of this, and no other node claims one: an activation
/// is always newer than whatever the pair claimed without having heard of it.
inline constexpr Epoch dr_era = 1'000'000;

enum class Role : std::uint8_t {
    undecided, ///< knows no role and acts as neither; every boot starts here
    standby,   ///< mirrors the peer's store; claims only while recorded in sync
    claiming,  ///< new epoch is being persisted, then the store promoted; runs nothing yet
    master,    ///< the store acknowledges commits and tasks run
    releasing, ///< planned hand-over before the point of no return: store frozen, can be undone
    demoting,  ///< tasks are killed and the store stopped; ends in undecided
};

/// Of the epoch's store.  On the master: mirrored = commits wait for the peer.  On the standby:
/// mirrored = the master recorded this node as in sync, so it may take over by itself.
enum class Mode : std::uint8_t { alone, mirrored };

/// What a node has on disk.  Written and synced before anybody can hear of it (I4).
struct Record {
    Epoch epoch = 0;           ///< highest epoch known to be claimed or handed over; 0 = never
    Node master = Node::first; ///< who claimed `epoch`; without meaning at epoch 0
    Mode mode = Mode::alone;   ///< as this node knows it, see Mode
    /// Changes of the mode by the master within `epoch`; 0 = alone since the claim.  A standby
    /// keeps the one that its right to claim belongs to.
    /// Where `master` is the dr node: 1 = this node of the pair was told to mirror it.
    std::uint64_t round = 0;
    bool operator==(const Record&) const = default;
};

/// What the witness holds: the newest decision that one node took without the other.  Ordered by
/// (epoch, round).
struct Verdict {
    Epoch epoch = 0;
    std::uint64_t round = 0;
    Node master = Node::first; ///< who decided
    bool operator==(const Verdict&) const = default;
};
constexpr bool older(const Verdict& a, const Verdict& b)
{
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.round < b.round;
}

/// How the local store stands, as told to the peer.
enum class StoreState : std::uint8_t {
    down,      ///< stopped, starting, rewinding, copying or broken
    following, ///< hot standby that streams from the peer
    primary,   ///< accepts writes
    frozen,    ///< primary that refuses new writes during a hand-over
};

std::string_view to_string(Role role);
std::string_view to_string(Mode mode);
std::string_view to_string(StoreState state);

} // namespace roleswap::core
