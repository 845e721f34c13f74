#pragma once
#include "core/message.hpp"
#include <string>
#include <variant>

namespace roleswap::core {

/// Time passed since the previous Elapsed.  The driver steps this before any message it read in
/// the same turn of the loop, so a node that was frozen notices that before it believes anything.
struct Elapsed {
    Ticks ticks = 0;
};

/// A message that the link layer has authenticated, from the peer's current boot, not a duplicate.
struct Heard {
    Message message;
};

/// The same from a node that is not the peer: on a node of the pair from the dr node, on the dr
/// node from either node of the pair.
struct HeardThird {
    Node from = Node::dr;
    Message message;
};

/// `Persist` with this ticket is on disk (file and folder synced).
struct Persisted {
    std::uint64_t ticket = 0;
};

/// What the local store tells by itself or as the answer to a store effect.
struct StoreEvent {
    enum class Kind : std::uint8_t {
        following, ///< StoreFollow done: streaming from the peer
        lost_peer, ///< standby: up, but does not stream (any more); master: the synchronous
                   ///< standby is gone from replication, so commits wait
        primary,   ///< StoreLead done: accepts writes at `position`
        in_sync, ///< StoreMode{mirrored} done: every later commit waits for the peer, and the peer
                 ///< holds all earlier ones
        alone,   ///< StoreMode{alone} done
        frozen,  ///< StoreFreeze done: no client can commit; peer holds everything up to `position`
        freeze_failed, ///< StoreFreeze could not be done in time; the store is thawed again
        thawed,        ///< StoreThaw done
        stopped,       ///< StoreStop done: no process of the store is left
        failed,        ///< the store died or a store effect failed for good; its processes are gone
        progress,      ///< only `position` moved (any role); for status and the peer's countdown
    };
    Kind kind = Kind::failed;
    base::Lsn position;
};

/// Answer of the reachability probes, counted from the newest `Probe` effect.
struct ProbeAnswer {
    enum class Kind : std::uint8_t { reached, none_reached, none_configured };
    Kind kind = Kind::none_configured;
};

/// No task process is alive on this node (answer to WorkKill).
struct TasksDead {};

struct Command {
    enum class Kind : std::uint8_t {
        hand_over,      ///< planned swap: only on the master
        activate,       ///< standby to master; refused while the master is provably alive
        activate_force, ///< the same, whatever this node knows; `reason` is recorded
        rejoin,         ///< become standby of the peer now, if the peer is master; dr.cpp has more
        leave,          ///< clean stop of the daemon: offer the role, then end
        hold_takeover,
        release_takeover,
    };
    std::uint64_t id = 0; ///< repeated in the Reply
    Kind kind = Kind::hand_over;
    std::string reason;
};

/// Answer to the WitnessAsk with this ticket.
struct WitnessAnswer {
    enum class Kind : std::uint8_t {
        granted,     ///< the witness holds the asked value, put by this question
        refused,     ///< it holds something newer than was seen: `found`
        unreachable, ///< no answer in time; the value may have been put all the same
        wiped,       ///< it holds nothing at all: it lost its memory or was never initialised
    };
    std::uint64_t ticket = 0;
    Kind kind = Kind::unreachable;
    Verdict found;
};

/// Answer to the FencePeer with this ticket.
struct FenceAnswer {
    enum class Kind : std::uint8_t { confirmed, failed };
    std::uint64_t ticket = 0;
    Kind kind = Kind::failed;
};

/// What the guard tells by itself.
struct GuardEvent {
    enum class Kind : std::uint8_t {
        ready, ///< it runs and holds the newest deadline
        fired, ///< it killed every task and the store
        lost,  ///< it is gone
    };
    Kind kind = Kind::lost;
};

using Input = std::variant<Elapsed, Heard, HeardThird, Persisted, StoreEvent, ProbeAnswer, TasksDead, Command,
                           WitnessAnswer, FenceAnswer, GuardEvent>;

} // namespace roleswap::core
