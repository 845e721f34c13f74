#pragma once
#include "core/machine.hpp"
#include <optional>
#include <string>
#include <vector>

namespace roleswap::core {

/// Something a person could have set otherwise, and what that would have changed.
struct Knob {
    std::string setting; ///< as in roleswap.toml(5), or the command that sets it
    std::string value;   ///< what it was
    std::string effect;  ///< what it does, or another value would have done, in this decision
    bool operator==(const Knob&) const = default;
};

/// What one node knew when it decided something, or knows now.  All ages count from that moment.
/// Made outside of step() by whoever carries out a Notify, so it costs the protocol nothing.
struct Evidence {
    Role role = Role::undecided;         ///< before the decision
    Ticks role_for = 0;                  ///< it had that role for so long; 0 where it just got it
    std::uint8_t rule = Notify::no_rule; ///< row that moved the role; no_rule: none did
    Record record;                       ///< durable, before the decision
    bool in_sync = false;                ///< standby: may claim
    bool hold = false;                   ///< takeover is forbidden here
    bool suspended = false;              ///< master: work is suspended
    StoreState store = StoreState::down;
    base::Lsn position;

    struct Peer {
        Ticks heard_ago = 0;
        Ticks silence = 0;               ///< as far as this node watched; a freeze does not count
        std::optional<Ticks> answer_age; ///< age of the newest own message that it answered
        Role role = Role::undecided;
        Record record;
        StoreState store = StoreState::down;
        base::Lsn position;
        bool leaving = false;
        bool hold = false;
        bool operator==(const Peer&) const = default;
    };
    std::optional<Peer> peer; ///< empty: nothing was heard since the daemon started, or dr node

    /// A node that is not the peer: on the dr node both of the pair, on those the dr node, once it
    /// was heard.
    struct Third {
        Node node = Node::dr;
        bool heard = false; ///< since the daemon started; else the rest means nothing
        Ticks heard_ago = 0;
        Ticks silence = 0;
        Role role = Role::undecided;
        Record record;
        StoreState store = StoreState::down;
        base::Lsn position;
        bool leaving = false;
        bool operator==(const Third&) const = default;
    };
    std::vector<Third> thirds;

    /// Of a master whose peer may claim: counted from when it sent the newest answered message.
    struct Lease {
        Ticks age = 0;
        Ticks suspend_at = 0;
        Ticks decide_at = 0;
        Ticks claim_at = 0; ///< of the peer
        bool operator==(const Lease&) const = default;
    };
    std::optional<Lease> lease;

    /// Of an in-sync standby: it does not claim before so much silence.
    std::optional<Ticks> promise;

    struct Probe {
        bool asked = false;    ///< they are while the peer leaves this node's messages unanswered
        bool answered = false; ///< the newest question
        bool reached = false;  ///< newest answer
        unsigned misses = 0;   ///< in a row
        bool was_cut_off = false;
        bool operator==(const Probe&) const = default;
    };
    std::optional<Probe> probe; ///< empty: none is configured, or nothing depends on it

    struct Witness {
        enum class Said : std::uint8_t { unasked, asked, granted, refused, unreachable, wiped };
        Said said = Said::unasked;
        Verdict found; ///< where it refused
        bool operator==(const Witness&) const = default;
    };
    std::optional<Witness> witness; ///< empty: none is configured

    enum class Fenced : std::uint8_t { unasked, asked, confirmed, failed };
    std::optional<Fenced> fence; ///< empty: none is configured

    struct Guard {
        bool ready = false;
        bool fired = false; ///< before this daemon ran again; ages count from when it ran last
        std::optional<Ticks> deadline_in; ///< empty: no deadline is set; 0: it is over
        bool operator==(const Guard&) const = default;
    };
    std::optional<Guard> guard; ///< empty: none watches

    std::vector<Knob> knobs; ///< at most six
    bool operator==(const Evidence&) const = default;
};

/// Of the decision that `notify` tells: the step from `before` to `after` by `input`.
Evidence evidence_of(const State& before, const State& after, const Input& input,
                     const Notify& notify);
/// Of what this node is and waits for now.
Evidence evidence_now(const State& state);

std::string_view to_string(Evidence::Witness::Said said);
std::string_view to_string(Evidence::Fenced fenced);

/// Inside of core: what would have changed the decision `what`, by the facts `at` its moment.
std::vector<Knob> knobs_of(const State& at, const Evidence& evidence, std::string_view what);

} // namespace roleswap::core
