#include "core/turn.hpp"

/// A node that knows no role looks at both records for one.
namespace roleswap::core {
namespace {

constexpr unsigned give_back_failures = 3;

bool may_try(const State& s)
{
    return s.now >= s.retry_at && !s.pending && !s.leaving && s.record.epoch > 0;
}

void resume_role(Turn& t, std::string why, bool peer_has_all = false)
{
    claim(t, {.what = "takeover", .why = std::move(why), .peer_has_all = peer_has_all});
}

/// The peer cannot have claimed: the record says it had no right to, or the witness knows.
void peer_silent(Turn& t)
{
    State& s = t.s;
    const bool alone = s.record.mode == Mode::alone;
    const bool mine = s.record.master == s.settings.self && (alone || s.settings.witness);
    if (!mine || s.hold || !may_try(s)) return t.say_once("waiting", why_waiting(s));
    const Claim how{.what = "takeover",
                    .why = fmt::format("this node was master{} and the peer was silent for {} ms",
                                       alone ? " alone" : "", s.peer.silence)};
    if (s.settings.witness) return seek_claim(t, how);
    claim(t, how);
}

void peer_leads(Turn& t)
{
    State& s = t.s;
    const Record& theirs = s.peer.last.record;
    const bool newest =
        theirs.epoch >= s.record.epoch || sabotaged(s, Settings::Sabotage::no_epoch_check);
    if (s.pending || s.leaving) return;
    if (theirs.master != peer_of(s) || !newest) return t.say_once("waiting", why_waiting(s));
    follow(t, theirs, fmt::format("the peer is master of epoch {}", theirs.epoch));
}

/// The peer still believes in us as master.
void peer_stands_by(Turn& t)
{
    State& s = t.s;
    const Message& m = s.peer.last;
    const bool mine = s.record.master == s.settings.self && m.record.epoch <= s.record.epoch;
    if (!mine) return t.say_once("waiting", why_waiting(s));
    const bool may_claim = m.record.epoch == s.record.epoch && m.record.mode == Mode::mirrored;
    if (!may_claim) {
        s.wish_alone = false;
        if (may_try(s)) resume_role(t, "the peer is not in sync, so it cannot be master");
        return;
    }
    // Else this node went on without it since, and it did not hear or not write down that yet.
    const bool has_all = m.record == s.record;
    // The witness may be out of its reach: then it gets the role by name.
    const bool waited = s.now - s.role_since >= s.settings.takeover_delay;
    if (s.settings.witness && has_all && waited && !m.hold && !m.leaving && may_try(s)) {
        t.persist(Record{next_epoch(s, peer_of(s)), peer_of(s), Mode::alone}, After::nothing);
        return t.notify("handover_started", "the in-sync peer gets the role by name");
    }
    // It claims by itself, unless it may not or cannot: then it has to give up that right first.
    if ((m.hold || m.leaving || !has_all) && !s.wish_alone) {
        s.wish_alone = true;
        s.changed = true;
    }
}

/// The store does not lead here and the peer has all that was ever acknowledged.
bool give_back(Turn& t)
{
    State& s = t.s;
    if (!s.peer_has_all || s.failures < give_back_failures) return false;
    if (s.peer.last.leaving || s.peer.last.record.epoch == 0) return false;
    s.peer_has_all = false;
    const Record record{next_epoch(s, peer_of(s)), peer_of(s), Mode::alone};
    t.persist(record, After::nothing);
    t.notify("handover_started",
             fmt::format("the store failed {} times; epoch {} goes to the peer, which holds "
                         "everything",
                         s.failures, record.epoch));
    return true;
}

bool names_me(const State& s)
{
    const Record& theirs = s.peer.last.record;
    if (sabotaged(s, Settings::Sabotage::no_epoch_check)) return s.record.master == s.settings.self;
    const Record& newest = theirs.epoch > s.record.epoch ? theirs : s.record;
    return newest.epoch > 0 && newest.master == s.settings.self;
}

void both_undecided(Turn& t)
{
    State& s = t.s;
    const Record& theirs = s.peer.last.record;
    if (!names_me(s)) return t.say_once("waiting", why_waiting(s));
    if (s.pending || s.leaving) return;
    if (s.record.epoch == 0) return t.say_once("waiting", why_waiting(s));
    if (theirs.epoch > s.record.epoch && theirs.master == s.settings.self)
        return claim(
            t, {.epoch = theirs.epoch, .what = "takeover", .why = "the peer handed its role over"});
    if (!may_try(s) || give_back(t)) return;
    const bool both = theirs == s.record && theirs.mode == Mode::mirrored;
    resume_role(t,
                fmt::format("both nodes are undecided and epoch {} is this node's", s.record.epoch),
                both);
}

} // namespace

void resolve(Turn& t)
{
    State& s = t.s;
    if (is_dr(s)) return dr_resolve(t);
    if (s.role != Role::undecided || s.leaving) return;
    follow_dr(t);
    if (s.role != Role::undecided) return;
    if (!peer_heard(s)) {
        if (s.peer.silence >= s.settings.takeover_delay) peer_silent(t);
        return;
    }
    if (!answers(s)) return;
    switch (s.peer.last.role) {
    case Role::master:
    case Role::releasing:
        return peer_leads(t);
    case Role::standby:
        return peer_stands_by(t);
    case Role::undecided:
        return both_undecided(t);
    case Role::claiming:
    case Role::demoting:
        return;
    }
}

} // namespace roleswap::core
