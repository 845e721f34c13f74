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

/// Make the local store a standby of the peer, by whatever it takes: stream, pg_rewind or a fresh
/// base backup.  Answers StoreEvent following (again after each reconnect), lost_peer, failed.
/// Repeating it is harmless.
struct StoreFollow {
    Epoch epoch = 0;
};
/// Make the local store a primary that accepts writes: promote, or start it where it was primary.
/// Answers primary or failed.
struct StoreLead {
    Epoch epoch = 0;
};
/// mirrored: require the peer for commits, answer in_sync when that holds.  alone: stop requiring.
struct StoreMode {
    Mode mode = Mode::alone;
};
struct StoreFreeze {};
struct StoreThaw {};
/// Stop at once, without a shutdown checkpoint; nothing is acknowledged afterwards.  Answers
/// stopped.
struct StoreStop {};

struct WorkStart {
    Epoch epoch = 0;
};                     ///< load the tasks, free what the dead master held, run
struct WorkSuspend {}; ///< start nothing new, acknowledge nothing
struct WorkResume {};
struct WorkKill {}; ///< kill every task process as a tree; answers TasksDead

struct Probe {}; ///< ask the probe addresses now; answers ProbeAnswer
struct WitnessClaim {
    Epoch epoch = 0;
};
struct FencePeer {};
struct ExtendGuard {
    Ticks until = 0;
};

/// For the journal, the events list and the administrator.
struct Notify {
    std::string_view what;
    std::string why;
};

struct Reply {
    enum class Kind : std::uint8_t { done, refused };
    std::uint64_t command = 0;
    Kind kind = Kind::done;
    std::string why; ///< one sentence; with the remedy where refused
};

using Effect = std::variant<Persist, Send, StoreFollow, StoreLead, StoreMode, StoreFreeze,
                            StoreThaw, StoreStop, WorkStart, WorkSuspend, WorkResume, WorkKill,
                            Probe, WitnessClaim, FencePeer, ExtendGuard, Notify, Reply>;
/// Carried out in order.
using Effects = std::vector<Effect>;

} // namespace roleswap::core
