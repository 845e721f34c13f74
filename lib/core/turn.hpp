#pragma once
#include "core/machine.hpp"
#include <fmt/format.h>

/// Inside of core: one step under way, and the event families that share it.  Each family has its
/// own file; all of them change roles through Turn::move() and records through Turn::persist()
/// only.
namespace roleswap::core {

/// The state being stepped and the effects so far.
class Turn {
public:
    Turn(State& state, Effects& effects) : s(state), effects_(effects) {}

    State& s;

    void emit(Effect effect) { effects_.push_back(std::move(effect)); }
    void notify(std::string_view what, std::string why)
    {
        emit(Notify{what, std::move(why), moved_});
    }
    /// As notify, but never the same sentence twice in a row.
    void say_once(std::string_view what, const std::string& why);
    void persist(const Record& record, After after);
    /// Looks the new role up in the table; a missing row is a bug.
    void move(Event event);
    void send();
    /// Answers the command `owed` where there is one.
    void reply(std::optional<Owed>& owed, Reply::Kind kind, std::string why);

private:
    Effects& effects_;
    std::uint8_t moved_ = Notify::no_rule; ///< row of the newest move in this step
};

inline Node peer_of(const State& s)
{
    return other(s.settings.self);
}
inline bool is_dr(const State& s)
{
    return s.settings.self == Node::dr;
}
inline Ticks percent(const State& s, Ticks share)
{
    return s.settings.takeover_delay * share / 100;
}
inline bool sabotaged(const State& s, Settings::Sabotage which)
{
    return s.settings.sabotage == which;
}

/// Shares of the takeover delay.  Master: the work is suspended, then it either knows that the
/// standby cannot claim or gives up.
constexpr Ticks suspend_percent = 60;
constexpr Ticks decide_percent = 80;
/// Guard: between the master's own decision and the claim of the peer at 100 %.
constexpr Ticks guard_percent = 90;
/// Standby: from here on a master that reaches a probe has gone on alone.
constexpr Ticks give_up_percent = 150;
/// Releasing: without an answer for so long the hand-over is undone.
constexpr Ticks undo_percent = 50;

/// The peer sent its newest message after it heard what this node says since its last reset.
bool answers(const State& s);
/// Something came from the peer within the takeover delay.
bool peer_heard(const State& s);
/// The peer's newest message shows it as acting master or about to be.
bool peer_acts(const State& s);
/// Lowest epoch above all known ones that `node` may claim.  Odd epochs belong to the first node,
/// even ones to the second, multiples of dr_era to the dr node, so two nodes cannot claim the same
/// epoch, not even by force.
Epoch next_epoch(const State& s, Node node);
/// Delay before the failed store is tried again: 200 ms, doubling up to 10 s and to twice the
/// takeover delay, so that a store that works again does not keep the pair waiting.
Ticks retry_delay(const State& s, unsigned failures);

// probe.cpp
/// From here on silence is watched with probes; before a master can decide anything (lease.cpp).
constexpr Ticks probe_percent = 30;
/// Ticks since this node sent the newest message that the peer answered, in own time.  The peer's
/// view of this node is at least as good until that moment.
Ticks unanswered_for(const State& s);
void watch_probes(Turn& t);
void probe_answered(Turn& t, const ProbeAnswer& answer);
/// Reached a probe all the time in which the peer could have decided to go on alone.
bool never_cut_off(const State& s);

// claim.cpp
struct Claim {
    Epoch epoch = 0; ///< handed over; 0 = the next one
    std::string_view what;
    std::string why;
    bool peer_has_all = false;
    bool resigned = false; ///< the peer itself said that it is no master any more
};
void claim(Turn& t, const Claim& how);
void claim_persisted(Turn& t);
void claim_elapsed(Turn& t);
void claim_heard(Turn& t);
void store_leads(Turn& t);
void store_fails_claim(Turn& t);

// third.cpp
/// Claims at once, or when the witness and the fence, where there are any, gave their leave.
void seek_claim(Turn& t, const Claim& how);
/// Master: leave to go on without the peer.
void seek_alone(Turn& t);
/// Go on without the peer, for nobody else can be master: lease.cpp.
void go_alone(Turn& t, std::string_view why);
void third_elapsed(Turn& t);
void witness_answered(Turn& t, const WitnessAnswer& answer);
void fence_answered(Turn& t, const FenceAnswer& answer);
/// Lets the witness know what this node and its peer agreed upon; nothing waits for it.
void tell_witness(Turn& t);

// guard.cpp
void guard_event(Turn& t, const GuardEvent& event);
/// At the end of each step, before anything is sent.
void update_guard(Turn& t);

// standby.cpp
/// Begin to mirror the peer, which is master of `record`.
void follow(Turn& t, const Record& record, std::string why);
void order_follow(Turn& t);
void standby_elapsed(Turn& t, Ticks step);
void standby_heard(Turn& t);
void standby_in_sync(Turn& t);
void standby_store(Turn& t, const StoreEvent& event);
/// Empty where this standby may claim by the evidence it has; else what is missing.
std::string missing_evidence(const State& s);
/// Gives up the right to claim; durable before the master hears it.
void give_up_sync(Turn& t);

// undecided.cpp
/// Looks at both records for a way out.
void resolve(Turn& t);

// lease.cpp
void lease_elapsed(Turn& t, Ticks step);
void renew_lease(Turn& t);
void try_resume(Turn& t);

// demote.cpp
void demote(Turn& t, Event event, std::string_view what, std::string why);
void try_released(Turn& t);
void master_store_failed(Turn& t);

// mode.cpp
void mode_heard(Turn& t);
void mode_elapsed(Turn& t);
void mode_store(Turn& t, const StoreEvent& event);
void mode_alone_persisted(Turn& t);
void mode_mirrored_persisted(Turn& t);
/// The record of this master after a change of its mode.
Record next_round(const State& s, Mode mode);
/// Ask the peer to give up its right to claim.
void wish_alone(Turn& t);

// handover.cpp
/// Empty where a hand-over may start; else why not.
std::string handover_obstacle(const State& s);
void handover_start(Turn& t);
void handover_elapsed(Turn& t);
void handover_heard(Turn& t);
void handover_store(Turn& t, const StoreEvent& event);
void handover_try(Turn& t);
void handover_persisted(Turn& t);
void handover_undo(Turn& t, const std::string& why);
void handover_reply(Turn& t);

bool past_return(const State& s);

// dr.cpp
/// Adopts a record that names the dr node and is newer than this node's; whoever leads gives up.
bool yield_to_dr(Turn& t, const Record& theirs);
void pair_hears_dr(Turn& t);
/// The activated dr node is heard.
bool dr_acts(const State& s);
/// Where an operator ordered it: mirror the dr node, which leads.
void follow_dr(Turn& t);
void rejoin_dr(Turn& t, const Command& command);
void order_follow_third(Turn& t);
/// The rules of the dr node itself.
void dr_heard(Turn& t, Node from);
void dr_elapsed(Turn& t);
void dr_resolve(Turn& t);
void dr_command(Turn& t, const Command& command);
/// Nobody of the pair that is heard can have work or a store that acknowledges.
bool pair_has_yielded(const State& s);
std::string dr_activate_obstacle(const State& s);
std::string why_waiting_dr(const State& s);

// leave.cpp
void leave(Turn& t);
void leave_elapsed(Turn& t);

// command.cpp
void on_command(Turn& t, const Command& command);

} // namespace roleswap::core
