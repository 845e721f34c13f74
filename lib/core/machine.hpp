#pragma once
#include "core/effect.hpp"
#include "core/input.hpp"
#include "core/rules.hpp"
#include <array>
#include <optional>
#include <string>

namespace roleswap::core {

struct Settings {
    Node self = Node::first;
    std::uint64_t boot = 1;         ///< of this daemon start, persisted before the machine is made
    Ticks heartbeat = 40;           ///< the driver steps Elapsed as often as next_tick() says
    Ticks company = 0;              ///< a standby's heartbeat goes so much sooner or later with one of
                                    ///< its master; less than half a heartbeat
    Ticks takeover_delay = 1000;    ///< 300 to 600000
    bool probes_configured = false; ///< without probes, silence alone never moves a role
    bool witness = false;           ///< what one node decides without the other needs its leave
    bool fence = false;             ///< a silent peer is switched off before its role is taken
    Ticks fence_delay = 0;          ///< the standby waits so much longer before it fences: no duel
    bool guard = false;             ///< a process of its own ends the work when a lease runs out
    /// Bugs planted on purpose, so that the simulator and the explorer can show that they find
    /// them.
    enum class Sabotage : std::uint8_t {
        none,
        no_epoch_check,           ///< older epochs are believed
        lead_before_persisted,    ///< the store is promoted while the claim is on its way to disk
        lease_ignored,            ///< a master never gives up by itself
        promise_before_persisted, ///< a standby counts as in sync before its record is durable
        alone_without_consent,    ///< a master goes alone when it wishes to
        undecided_with_work,      ///< a demoted node does not wait for its tasks
        undecided_with_store,     ///< a demoted node does not wait for its store
        silence_without_probe,    ///< a standby claims by silence alone
        old_answers,              ///< a message counts as an answer whatever it echoes
        not_in_sync,              ///< a standby that is not in sync claims
        witness_unheard,          ///< no answer of the witness counts as leave
        fence_unheard,            ///< the claim does not wait for the fence
        guard_unarmed,            ///< a mirrored master runs without a deadline
        dr_unheard,               ///< a master goes on though it knows that the dr node leads
        round_forgotten,          ///< a mode is told to the witness without its round
    };
    Sabotage sabotage = Sabotage::none; ///< tests only
    bool operator==(const Settings&) const = default;
};

/// What happens when the record on its way to the disk is durable.
enum class After : std::uint8_t {
    nothing,
    lead,       ///< claim: promote the store
    mirrored,   ///< master: tell the peer that it is in sync
    alone,      ///< master: commit without the peer
    in_sync,    ///< standby: the promise counts
    handed_over ///< point of no return passed
};

/// A record that is being written; what the peer hears is still the record before it.
struct Pending {
    std::uint64_t ticket = 0;
    Record record;
    After after = After::nothing;
    bool operator==(const Pending&) const = default;
};

/// An operator's command whose Reply is still owed.
struct Owed {
    std::uint64_t id = 0;
    Command::Kind kind = Command::Kind::hand_over;
    Ticks since = 0;
    bool operator==(const Owed&) const = default;
};

/// What is known of the peer.
struct PeerView {
    Message last;        ///< newest message; boot 0 = nothing heard since the own boot
    Ticks heard_at = 0;  ///< own time of `last`
    Ticks silence = 0;   ///< ticks this node watched since then; a freeze does not count
    Ticks bad_since = 0; ///< of the master: since when the peer's store does not stream
    bool bad = false;
    std::uint64_t bad_from = 0; ///< a message that echoes less cannot clear `bad`
    bool operator==(const PeerView&) const = default;
};

/// What is known of a node that is not the peer, see HeardThird.
struct ThirdView {
    Message last;       ///< newest message; boot 0 = nothing heard since the own boot
    Ticks heard_at = 0; ///< own time of `last`
    Ticks silence = 0;  ///< ticks this node watched since then; a freeze does not count
    bool operator==(const ThirdView&) const = default;
};

/// Addresses outside the pair, asked from when the peer leaves this node's messages unanswered.
struct ProbeView {
    bool asked = false;
    bool answered = false; ///< the newest question
    bool reached = false;  ///< newest answer
    unsigned misses = 0;   ///< questions in a row that reached nothing
    Ticks asked_at = 0;
    Ticks reached_at = 0; ///< of the first answer that reached; 0 = none yet
    /// Cut off for a while: the peer may have reached a probe then and decided alone.
    bool was_cut_off = false;
    bool operator==(const ProbeView&) const = default;
};

/// A question to a third party that is not answered yet.
struct Asking {
    enum class For : std::uint8_t { claim, alone };
    enum class Whom : std::uint8_t { witness, fence };
    std::uint64_t ticket = 0;
    For what = For::claim;
    Whom whom = Whom::witness;
    Ticks since = 0;
    Epoch epoch = 0;           ///< to be claimed
    bool peer_has_all = false; ///< see State
    bool resigned = false;     ///< the peer itself said that it is none: no fence
    std::string why{};         ///< what the claim will be told with
    bool operator==(const Asking&) const = default;
};

/// The whole of the role protocol on one node: a value.  Made by boot(), moved on by step() only.
struct State {
    Settings settings;
    Ticks now = 0;
    Role role = Role::undecided;
    Ticks role_since = 0;
    Record record;                  ///< durable
    std::optional<Pending> pending; ///< newest record under way
    std::uint64_t ticket = 0;       ///< of the newest Persist
    Epoch epoch_seen = 0;           ///< highest epoch ever met, in whatever record

    std::uint64_t sequence = 0; ///< of the newest message sent
    Ticks sent_at = 0;
    /// A message of the peer counts as an answer only when it echoes this sequence or a later one:
    /// moved at boot, after a freeze and when this node becomes undecided.
    std::uint64_t answer_from = 1;
    PeerView peer; ///< not used by the dr node
    /// On a node of the pair the first one is the dr node; on that, the pair's nodes in order.
    std::array<ThirdView, 2> thirds{};
    ProbeView probe;

    StoreState store = StoreState::down;
    base::Lsn position;
    bool store_hot = false;     ///< standby: up and once following in this epoch, not failed since
    Ticks retry_at = 0;         ///< a failed store is not tried again before
    unsigned failures = 0;      ///< of the store in a row; makes the delays grow
    unsigned lead_failures = 0; ///< of StoreLead within this claim
    Epoch follow_epoch = 0;     ///< of the newest StoreFollow since the store was stopped

    bool in_sync = false;        ///< standby: recorded in sync and confirmed by the master
    bool peer_may_claim = false; ///< master: the lease counts
    Ticks lease_from = 0;        ///< own time of the newest message the peer echoed
    bool suspended = false;      ///< master: work is suspended
    bool work_killed = false;    ///< suspended by a WorkKill: a WorkStart must end it
    bool thawing = false;        ///< an undone hand-over waits for the store
    bool mirroring = false;      ///< master: StoreMode{mirrored} is ordered
    bool mode_busy = false;      ///< master: StoreMode{alone} is ordered and not answered yet
    bool wish_alone = false;
    std::uint64_t wish_sequence = 0; ///< first message that told `wish_alone`

    bool tasks_dead = true;    ///< since the newest WorkKill
    bool store_stopped = true; ///< since the newest StoreStop
    bool frozen = false;       ///< releasing: the store answered
    Node heir = Node::dr;      ///< dr node, releasing: who gets the role
    bool claim_leads = false;  ///< claiming: StoreLead is ordered and not answered
    bool lead_ordered = false; ///< claiming: StoreLead was ordered in this claim
    bool peer_has_all = false; ///< claiming: the peer holds all that was ever acknowledged
    bool hold = false;
    bool leaving = false;

    std::optional<Asking> asking;
    std::uint64_t third_ticket = 0; ///< of the newest question to a third party
    Ticks ask_at = 0;               ///< the next question not before
    /// Master: the witness may hold that this node went alone, though it did not; the mode must
    /// change once before the right of the standby to claim is worth something again.
    bool unsure = false;
    bool guard_ready = false;
    Ticks guard_until = ExtendGuard::never; ///< as told to the guard
    std::uint8_t last_rule = no_rule;       ///< index in `rules` of the newest change of role
    static constexpr std::uint8_t no_rule = Notify::no_rule;

    std::optional<Owed> owed;       ///< hand_over, activate or rejoin under way
    std::optional<Owed> owed_leave; ///< leave under way
    std::string said; ///< newest waiting or refused sentence, so that none is repeated
    bool boot_told = false;
    bool changed = true; ///< tell the peer at the end of this step
    bool operator==(const State&) const = default;
};

/// A node that just started: undecided, with the record its disk holds ({0} where there is none).
State boot(const Settings& settings, const Record& record);

/// One input.  Effects are to be carried out in order.  Deterministic; no clock, no IO.
Effects step(State& state, const Input& input);

/// Ticks after which Elapsed should be stepped at the latest, 1 to `heartbeat` + `company`: the next
/// heartbeat or the next limit of a silence or a lease.  Stepping more often does no harm.
Ticks next_tick(const State& state);
/// After `input` was stepped: whether the heartbeat of this node goes out now.
bool heartbeat_due(const State& state, const Input& input);

/// Whose store this node's mirrors or would mirror; of a master, who mirrors it or gets its role.
Node upstream(const State& state);
/// Newest message of a node that is not the peer; boot 0 = none.
const ThirdView& third_view(const State& state, Node node);
/// Something came from that node within 3 s, or the takeover delay where that is longer.
bool is_third_heard(const State& state, Node node);
/// For status.  Ticks since the newest message of the peer; empty when none came since boot.
std::optional<Ticks> peer_heard_ago(const State& state);
/// Ticks until the peer may claim; empty where no lease counts (not master, or alone).
std::optional<Ticks> lease_remaining(const State& state);
/// One sentence: what this node waits for, or why it does not take over, and which command helps.
/// Empty where nothing is missing.
std::string why_waiting(const State& state);
/// Why `kind`, which is activate or activate_force, would be refused now.  Empty where it would be
/// done, and where this node is master already.
std::string activate_refusal(const State& state, Command::Kind kind);

} // namespace roleswap::core
