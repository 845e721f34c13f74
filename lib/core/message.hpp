#pragma once
#include "core/types.hpp"

namespace roleswap::core {

/// The one message of the role protocol: the sender's whole state, so that any single message that
/// gets through is enough and a lost, doubled or reordered one does no harm.  Sent on every link
/// at once, every heartbeat and at once after a change.
///
/// Echo: what the sender last heard from the receiver.  Every message of a standby promises: "I do
/// not claim before `takeover_delay` has passed since I received what I echo here".  The master's
/// lease therefore ends `takeover_delay` after it *sent* the newest echoed message.
struct Message {
    std::uint64_t boot = 0;      ///< persisted counter of daemon starts; grows for ever
    std::uint64_t sequence = 0;  ///< grows by one per message within a boot, from 1
    Ticks sent_at = 0;           ///< sender's clock
    std::uint64_t echo_boot = 0; ///< 0 = nothing heard yet
    std::uint64_t echo_sequence = 0;
    Ticks echo_sent_at = 0; ///< the receiver's own clock, as it stood in the echoed message
    Role role = Role::undecided;
    Record record;
    StoreState store = StoreState::down;
    base::Lsn position;   ///< master: flushed; standby: flushed from the master
    bool leaving = false; ///< clean stop under way: take the role if you can
    bool hold = false;    ///< an operator forbade automatic takeover on this node
    /// Of the epoch's master: a standby that hears this is no longer in sync, persists `alone` and
    /// says so; until then the master may not acknowledge without it.
    bool wish_alone = false;
    bool operator==(const Message&) const = default;
};

} // namespace roleswap::core
