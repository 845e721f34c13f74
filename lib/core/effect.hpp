#pragma once
#include "core/message.hpp"
#include <string>
#include <variant>
#include <vector>

namespace roleswap::core {

/// Make the record durable, then answer `Persisted{ticket}`.
struct Persist {
    Record record;
    std::uint64_t ticket = 0;
};

/// Send to the peer on every link at once.
struct Send {
    Message message;
};

/// Make the local store a standby of the node that the record names, by whatever it takes: stream, pg_rewind or a fresh
/// base backup.  Answers StoreEvent following (again after each reconnect), lost_peer, failed.
/// Repeating it is harmless.
struct StoreFollow {
    Epoch epoch = 0;
};
/// Make the local store a primary that accepts writes: promote, or start it where it was primary.
/// Starts in mode alone, whatever the mode was before.  Answers primary or failed.
/// failed alone promises that no client can have committed since the order; where that is not
/// certain (it died around the promotion) the answer is primary, then failed.
struct StoreLead {
    Epoch epoch = 0;
};
/// mirrored: require the peer for commits, answer in_sync when that holds.  alone: stop requiring.
struct StoreMode {
    Mode mode = Mode::alone;
};
/// Hand-over: let no client commit any more and wait until the peer holds all that was committed.
/// Answers frozen or freeze_failed.
struct StoreFreeze {};
/// Undo StoreFreeze, also one that is still under way.  Answers thawed.
struct StoreThaw {};
/// Stop at once, without a shutdown checkpoint; nothing is acknowledged afterwards.  Answers
/// stopped.
struct StoreStop {};

struct WorkStart {
    Epoch epoch = 0;
};                     ///< load the tasks, free what the dead master held, run
struct WorkSuspend {}; ///< start nothing new, acknowledge nothing
struct WorkResume {};
/// Kill every task process as a tree; answers TasksDead, at once when none is alive.  Only a
/// WorkStart lets work go on after it.
struct WorkKill {};

struct Probe {}; ///< ask the probe addresses now; answers ProbeAnswer
/// One atomic decision: where the witness holds nothing newer than `seen`, or what this node put
/// itself (the same `master`), put the newer of `value` and what it holds, by compare-and-put on
/// what was read, also where that changes nothing.  Answers WitnessAnswer with this ticket, at the
/// latest after a fifth of the takeover delay.  A later question ends an earlier one, which then
/// puts nothing any more that was not sent already.
struct WitnessAsk {
    std::uint64_t ticket = 0;
    Verdict seen;
    Verdict value;
};
/// Switch the peer off and make sure that it is off; answers FenceAnswer with this ticket.
struct FencePeer {
    std::uint64_t ticket = 0;
};
/// The guard kills tasks and store when the core's clock reaches `until`; `never` disarms it.
struct ExtendGuard {
    static constexpr Ticks never = ~Ticks{0};
    Ticks until = never;
};

/// For the journal, the events list and the administrator.  `what` is a stable id: boot, standby,
/// standby_in_sync, standby_lost, waiting, takeover, claim_failed, master, demotion, self_fence,
/// mode_mirrored, mode_alone, suspended, resumed, store_failed, handover_started, handover_undone,
/// handover_done, refused, hold, freeze.
struct Notify {
    static constexpr std::uint8_t no_rule = 255;
    std::string_view what;
    std::string why; ///< one sentence with the figures that decided
    /// Index in `rules` of the newest change of role in this step up to here, or no_rule.
    std::uint8_t rule = no_rule;
};

struct Reply {
    enum class Kind : std::uint8_t { done, refused };
    std::uint64_t command = 0;
    Kind kind = Kind::done;
    std::string why; ///< one sentence; with the remedy where refused
};

using Effect = std::variant<Persist, Send, StoreFollow, StoreLead, StoreMode, StoreFreeze,
                            StoreThaw, StoreStop, WorkStart, WorkSuspend, WorkResume, WorkKill,
                            Probe, WitnessAsk, FencePeer, ExtendGuard, Notify, Reply>;
/// Carried out in order.
using Effects = std::vector<Effect>;

} // namespace roleswap::core
