#include "core/turn.hpp"
#include <limits>

/// The witness and the fence: whose leave this node needs where it would decide without its peer.
/// What both nodes know of each other (a hand-over, a role given up, a right given up) needs none.
namespace roleswap::core {
namespace {

using Whom = Asking::Whom;
using For = Asking::For;

/// A question to the witness is answered within 20 % of the takeover delay; twice that is never.
constexpr Ticks again_percent = 20;
constexpr Ticks lost_percent = 40;

/// Nobody but this node decides about an epoch that it claimed itself.
Verdict seen_by(const State& s)
{
    const bool own = s.record.master == s.settings.self;
    return {s.record.epoch, own ? std::numeric_limits<std::uint64_t>::max() : s.record.round,
            s.record.master};
}

Verdict wanted(const State& s, const Asking& asking)
{
    if (asking.what == For::claim) return {asking.epoch, 0, s.settings.self};
    return {s.record.epoch, next_round(s, Mode::alone).round, s.settings.self};
}

void ask(Turn& t, Asking asking)
{
    State& s = t.s;
    asking.ticket = ++s.third_ticket;
    asking.since = s.now;
    s.ask_at = s.now + percent(s, again_percent);
    s.asking = std::move(asking);
    if (s.asking->whom == Whom::fence) {
        t.notify("fence", "the silent peer is switched off before its role is taken");
        t.emit(FencePeer{s.third_ticket});
    } else {
        t.emit(WitnessAsk{s.third_ticket, seen_by(s), wanted(s, *s.asking)});
    }
}

/// The leave came; does what was true when it was asked for still hold?
bool still_due(const State& s, const Asking& asked)
{
    if (s.leaving || s.pending || asked.epoch <= s.record.epoch || asked.epoch <= s.epoch_seen)
        return false;
    if (s.role == Role::standby) return s.in_sync;
    return s.role == Role::undecided && s.record.master == s.settings.self && !peer_heard(s);
}

void got_leave(Turn& t, Asking asked)
{
    State& s = t.s;
    if (asked.what == For::alone) {
        if (s.role == Role::master && s.record.mode == Mode::mirrored && !s.pending)
            go_alone(t, asked.whom == Whom::fence ? "it is switched off"
                                                  : "the witness gave its leave");
        return;
    }
    if (!still_due(s, asked)) return;
    if (asked.whom == Whom::witness && s.settings.fence && !asked.resigned &&
        !sabotaged(s, Settings::Sabotage::fence_unheard)) {
        asked.whom = Whom::fence;
        return ask(t, std::move(asked));
    }
    claim(t, {.epoch = asked.epoch,
              .what = "takeover",
              .why = std::move(asked.why),
              .peer_has_all = asked.peer_has_all});
}

void no_claim(Turn& t, const std::string& why)
{
    t.say_once("waiting", why);
    if (t.s.owed && t.s.owed->kind == Command::Kind::activate)
        t.reply(t.s.owed, Reply::Kind::refused,
                why + "; when you know that the peer is dead, use activate --force");
}

void refused(Turn& t, const Asking& asked, const Verdict& found)
{
    const std::string what =
        fmt::format("the witness holds epoch {} round {} of the {} node", found.epoch, found.round,
                    found.master == Node::first ? "first" : "second");
    if (asked.what == For::alone)
        return demote(t, Event::lease_lost, "self_fence",
                      what + ", so this node may not go on alone");
    no_claim(t, what + ", which this node has not mirrored: its master may hold newer data");
    if (t.s.role == Role::standby) give_up_sync(t);
}

void unanswered(Turn& t, const Asking& asked, std::string_view why)
{
    State& s = t.s;
    if (asked.what == For::alone) {
        s.unsure = true;
        return t.say_once("waiting", fmt::format("{}, so this node may not go on alone", why));
    }
    no_claim(t, fmt::format("{}, and without its leave a silent peer may still be master", why));
}

/// It was silent and is not any more.
bool peer_lives(const State& s, const Asking& asked)
{
    // Heard is not enough for a master: a standby that does not hear it claims all the same.
    return asked.what == For::claim ? peer_heard(s) : !s.suspended;
}

/// The device may still do as it was told: then the peer is silent again.
void withdraw(Turn& t, const Asking& asked)
{
    t.s.asking.reset();
    t.notify("fence", fmt::format("given up: the peer {}",
                                  asked.what == For::claim ? "is heard" : "answers again"));
}

} // namespace

void seek_claim(Turn& t, const Claim& how)
{
    State& s = t.s;
    const bool fence =
        s.settings.fence && !how.resigned && !sabotaged(s, Settings::Sabotage::fence_unheard);
    if (!s.settings.witness && !fence) return claim(t, how);
    if (s.asking || s.now < s.ask_at || s.pending) return;
    ask(t, {.what = For::claim,
            .whom = s.settings.witness ? Whom::witness : Whom::fence,
            .epoch = how.epoch ? how.epoch : next_epoch(s, s.settings.self),
            .peer_has_all = how.peer_has_all,
            .resigned = how.resigned,
            .why = how.why});
}

void seek_alone(Turn& t)
{
    State& s = t.s;
    if (s.asking || s.now < s.ask_at || s.pending) return;
    ask(t, {.what = For::alone, .whom = s.settings.witness ? Whom::witness : Whom::fence});
}

void third_elapsed(Turn& t)
{
    State& s = t.s;
    const bool idle = s.role == Role::standby || s.role == Role::undecided;
    if (idle && !s.asking && s.owed && s.owed->kind == Command::Kind::activate)
        return no_claim(t, "what was ordered is not possible now");
    if (!s.asking) return;
    const Asking asked = *s.asking;
    if (asked.whom == Whom::fence) {
        if (peer_lives(s, asked)) withdraw(t, asked);
        return;
    }
    if (s.now - asked.since < percent(s, lost_percent)) return;
    s.asking.reset();
    unanswered(t, asked, "the question to the witness got lost");
}

void witness_answered(Turn& t, const WitnessAnswer& answer)
{
    State& s = t.s;
    using Kind = WitnessAnswer::Kind;
    if (!s.asking || s.asking->ticket != answer.ticket) return;
    Asking asked = std::move(*s.asking);
    s.asking.reset();
    if (sabotaged(s, Settings::Sabotage::witness_unheard)) return got_leave(t, std::move(asked));
    switch (answer.kind) {
    case Kind::granted:
        return got_leave(t, std::move(asked));
    case Kind::refused:
        return refused(t, asked, answer.found);
    case Kind::unreachable:
        return unanswered(t, asked, "the witness does not answer");
    case Kind::wiped:
        return unanswered(
            t, asked, "the witness lost its memory (`roleswap witness init` gives it a new one)");
    }
}

void fence_answered(Turn& t, const FenceAnswer& answer)
{
    State& s = t.s;
    if (!s.asking || s.asking->ticket != answer.ticket) return;
    Asking asked = std::move(*s.asking);
    s.asking.reset();
    if (answer.kind == FenceAnswer::Kind::confirmed) return got_leave(t, std::move(asked));
    s.ask_at = s.now + s.settings.takeover_delay;
    const std::string why = "the fence did not confirm that the silent peer is off";
    if (asked.what == For::claim) return no_claim(t, why);
    t.say_once("waiting", why);
}

void tell_witness(Turn& t)
{
    State& s = t.s;
    if (!s.settings.witness || s.asking) return;
    const Verdict now{s.record.epoch, s.record.round, s.settings.self};
    t.emit(WitnessAsk{++s.third_ticket, now, now});
}

} // namespace roleswap::core
