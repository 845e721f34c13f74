#include "core/turn.hpp"

/// Mirror the master, earn the right to claim, and use it only on evidence.
namespace roleswap::core {
namespace {

bool same_epoch(const State& s)
{
    const Record& theirs = s.peer.last.record;
    return theirs.epoch == s.record.epoch && theirs.master == peer_of(s);
}

/// The master's newest message says that every commit waits for this node.
bool promised(const State& s)
{
    const Message& m = s.peer.last;
    return same_epoch(s) && m.record.mode == Mode::mirrored && !m.wish_alone;
}

/// The master heard this node a moment ago, so it did not decide anything without it.
bool prompt(const State& s)
{
    return answers(s) && unanswered_for(s) < percent(s, probe_percent);
}

/// The master itself shows that it is none any more, and that nothing was committed without us.
bool master_resigned(const State& s)
{
    return promised(s) && s.peer.last.role == Role::undecided;
}

void take_over(Turn& t, std::string why)
{
    seek_claim(t, {.what = "takeover", .why = std::move(why), .peer_has_all = true});
}

void update_sync(Turn& t)
{
    State& s = t.s;
    const bool writing = s.pending && s.pending->after == After::in_sync;
    if (!promised(s) || (writing && s.peer.last.role != Role::master)) {
        if (same_epoch(s) && (s.in_sync || writing || s.record.mode == Mode::mirrored))
            give_up_sync(t);
        return;
    }
    // The master changed its mode there and back: the right from before is worth nothing.
    if (s.record.round != s.peer.last.record.round) s.in_sync = false;
    if (s.in_sync || s.pending || !s.store_hot || s.leaving || !prompt(s)) return;
    if (s.record == s.peer.last.record) return standby_in_sync(t);
    if (s.peer.last.role != Role::master || s.store != StoreState::following) return;
    t.persist(s.peer.last.record, After::in_sync);
    if (sabotaged(s, Settings::Sabotage::promise_before_persisted)) {
        s.record = s.pending->record;
        s.pending->after = After::nothing;
        standby_in_sync(t);
    }
}

/// A record newer than ours.
void newer_record(Turn& t)
{
    State& s = t.s;
    const Message& m = s.peer.last;
    // Also where the dr node was activated meanwhile: its record is on its way to the disk.
    if (s.pending && s.pending->record.epoch >= m.record.epoch) return;
    if (m.record.master == peer_of(s)) {
        s.in_sync = false;
        t.persist(Record{m.record.epoch, peer_of(s), Mode::alone, m.record.round}, After::nothing);
        return;
    }
    if (m.record.master != s.settings.self || m.role == Role::master || s.leaving) return;
    claim(t, {.epoch = m.record.epoch,
              .what = "takeover",
              .why = "the master handed its role over",
              .peer_has_all = true});
}

/// Silence after which this standby acts.
Ticks silence_limit(const State& s)
{
    return s.settings.takeover_delay + (s.settings.fence ? s.settings.fence_delay : 0);
}

const char* evidence(const State& s)
{
    if (s.settings.witness && s.settings.fence)
        return ", the witness gave its leave and the peer is switched off";
    if (s.settings.witness) return " and the witness gave its leave";
    return s.settings.fence ? " and the peer is switched off" : " and a probe answers here";
}

} // namespace

void give_up_sync(Turn& t)
{
    State& s = t.s;
    if (s.in_sync) t.notify("standby_lost", "not in sync any more");
    s.in_sync = false;
    if (s.asking && s.asking->what == Asking::For::claim) s.asking.reset();
    if (s.pending && s.pending->record.mode == Mode::alone) return;
    if (!s.pending && s.record.mode == Mode::alone) return;
    t.persist(Record{s.record.epoch, s.record.master, Mode::alone, s.record.round}, After::nothing);
}

void follow(Turn& t, const Record& record, std::string why)
{
    State& s = t.s;
    t.move(Event::peer_is_master);
    s.in_sync = false;
    s.store_hot = false;
    s.follow_epoch = 0;
    s.retry_at = 0;
    s.peer_has_all = false;
    t.notify("standby", std::move(why));
    t.persist(Record{record.epoch, peer_of(s), Mode::alone, record.round}, After::nothing);
}

void order_follow(Turn& t)
{
    State& s = t.s;
    if (is_dr(s) || s.record.master == Node::dr) return order_follow_third(t);
    const Message& m = s.peer.last;
    if (s.role != Role::standby || s.pending || s.leaving || s.now < s.retry_at) return;
    if (s.follow_epoch == s.record.epoch || m.role != Role::master || !same_epoch(s)) return;
    s.follow_epoch = s.record.epoch;
    s.store_hot = false;
    s.store = StoreState::down;
    t.emit(StoreFollow{s.record.epoch});
}

std::string missing_evidence(const State& s)
{
    const bool blind = sabotaged(s, Settings::Sabotage::not_in_sync);
    if (!s.in_sync && !blind)
        return "this standby is not in sync, so the master may hold newer data";
    if (master_resigned(s)) return {};
    if (peer_heard(s)) return "the peer is heard, so it may be master";
    if (s.settings.witness || s.settings.fence) return {};
    if (sabotaged(s, Settings::Sabotage::silence_without_probe)) return {};
    if (!s.settings.probes_configured)
        return "no probes are configured, so a silent peer may still be master";
    if (!s.probe.reached) return "no probe answers, so this node may be the isolated one";
    if (!never_cut_off(s))
        return "this node reached no probe for a while, so the master may have gone on alone";
    return {};
}

void standby_elapsed(Turn& t, Ticks step)
{
    State& s = t.s;
    order_follow(t);
    if (!s.in_sync && !sabotaged(s, Settings::Sabotage::not_in_sync)) return;
    watch_probes(t);
    const bool silent = s.peer.silence >= silence_limit(s);
    if (silent && step <= 2 * s.settings.heartbeat && !s.hold && !s.leaving) {
        if (missing_evidence(s).empty())
            return take_over(t, fmt::format("the master was silent on every link for {} ms{}",
                                            s.peer.silence, evidence(s)));
        t.say_once("waiting", why_waiting(s));
    }
    // With a witness or a fence the master cannot go on alone behind this node's back.
    if (s.settings.witness || s.settings.fence) return;
    if (s.peer.silence >= percent(s, give_up_percent)) {
        t.notify("waiting", fmt::format("silent master for {} ms: it may go on alone, so this node "
                                        "does not claim by itself any more",
                                        s.peer.silence));
        give_up_sync(t);
    }
}

void standby_heard(Turn& t)
{
    State& s = t.s;
    const Record& theirs = s.peer.last.record;
    const bool blind = sabotaged(s, Settings::Sabotage::no_epoch_check);
    if (theirs.epoch > s.record.epoch && !blind) return newer_record(t);
    if (theirs.epoch < s.record.epoch) {
        if (s.peer.last.role == Role::master || s.peer.last.role == Role::undecided)
            t.say_once("waiting", why_waiting(s));
        return;
    }
    order_follow(t);
    update_sync(t);
    if (s.in_sync && !s.hold && !s.leaving && master_resigned(s))
        seek_claim(t, {.what = "takeover",
                       .why = "the in-sync master gave up its role",
                       .peer_has_all = true,
                       .resigned = true});
}

void standby_in_sync(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::standby || s.in_sync || !promised(s) || !prompt(s)) return;
    s.in_sync = true;
    s.changed = true;
    t.notify("standby_in_sync", fmt::format("in sync with epoch {}", s.record.epoch));
}

void standby_store(Turn& t, const StoreEvent& event)
{
    State& s = t.s;
    if (event.kind == StoreEvent::Kind::following) {
        if (s.follow_epoch != s.record.epoch) return;
        s.store = StoreState::following;
        s.store_hot = true;
        s.store_stopped = false;
        s.failures = 0;
        s.changed = true;
        if (s.peer.last.boot != 0) standby_heard(t);
    } else if (event.kind == StoreEvent::Kind::lost_peer) {
        // Normal when the master dies: what it acknowledged is here all the same.
        s.store = StoreState::down;
        s.changed = true;
    } else {
        s.store = StoreState::down;
        s.store_hot = false;
        s.follow_epoch = 0;
        s.failures++;
        s.retry_at = s.now + retry_delay(s, s.failures);
        s.changed = true;
        t.notify("store_failed",
                 fmt::format("the mirror broke; tried again in {} ms", retry_delay(s, s.failures)));
        give_up_sync(t);
    }
}

} // namespace roleswap::core
