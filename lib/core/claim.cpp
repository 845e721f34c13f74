#include "core/turn.hpp"

/// From the decision to be master to the store that accepts writes.
namespace roleswap::core {
namespace {

constexpr unsigned lead_attempts = 3;

void order_lead(Turn& t)
{
    t.s.claim_leads = t.s.lead_ordered = true;
    t.s.retry_at = 0;
    t.emit(StoreLead{t.s.pending ? t.s.pending->record.epoch : t.s.record.epoch});
}

} // namespace

void claim(Turn& t, const Claim& how)
{
    State& s = t.s;
    const bool retry = s.role == Role::undecided;
    s.peer_has_all = how.peer_has_all || (retry && s.peer_has_all);
    const Epoch epoch = how.epoch ? how.epoch : next_epoch(s, s.settings.self);
    t.move(Event::claim_decided);
    s.in_sync = false;
    s.claim_leads = s.lead_ordered = false;
    s.lead_failures = 0;
    s.wish_alone = false;
    s.asking.reset();
    t.notify(how.what, fmt::format("claims epoch {}: {}", epoch, how.why));
    t.persist(Record{epoch, s.settings.self, Mode::alone}, After::lead);
    if (sabotaged(s, Settings::Sabotage::lead_before_persisted)) {
        s.record = s.pending->record;
        s.pending->after = After::nothing;
        order_lead(t);
    }
}

void claim_persisted(Turn& t)
{
    if (t.s.role == Role::claiming && (!is_dr(t.s) || pair_has_yielded(t.s))) order_lead(t);
}

void claim_elapsed(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::claiming || s.claim_leads || s.pending || s.now < s.retry_at) return;
    if (is_dr(s) && !pair_has_yielded(s)) return;
    order_lead(t);
}

void claim_heard(Turn& t)
{
    State& s = t.s;
    const Record& theirs = s.peer.last.record;
    const Epoch mine = s.pending ? s.pending->record.epoch : s.record.epoch;
    if (theirs.epoch <= mine || theirs.master != peer_of(s)) return;
    if (sabotaged(s, Settings::Sabotage::no_epoch_check)) return;
    demote(t, Event::newer_epoch, "demotion",
           fmt::format("the peer claimed epoch {}, newer than {}", theirs.epoch, mine));
}

void store_leads(Turn& t)
{
    State& s = t.s;
    // Whoever leads may have acknowledged: from here on only this node has everything.
    s.peer_has_all = false;
    if (s.role != Role::claiming || !s.lead_ordered) return;
    t.move(Event::store_leads);
    s.store = StoreState::primary;
    s.store_stopped = false;
    s.tasks_dead = false;
    s.suspended = false;
    s.work_killed = false;
    s.peer_may_claim = false;
    s.mirroring = false;
    s.mode_busy = false;
    s.unsure = false;
    tell_witness(t);
    t.notify("master",
             fmt::format("master of epoch {}, alone until the peer is in sync", s.record.epoch));
    t.send();
    t.emit(WorkStart{s.record.epoch});
    t.reply(s.owed, Reply::Kind::done, fmt::format("master of epoch {}", s.record.epoch));
}

void store_fails_claim(Turn& t)
{
    State& s = t.s;
    s.store = StoreState::down;
    // Not the answer to StoreLead: the mirror died first, and StoreLead starts what is stopped.
    if (!s.claim_leads) return;
    s.claim_leads = false;
    s.failures++;
    if (++s.lead_failures < lead_attempts) {
        s.retry_at = s.now + retry_delay(s, s.lead_failures);
        return;
    }
    s.retry_at = s.now + retry_delay(s, s.failures);
    const std::string why =
        fmt::format("the store did not start as primary in {} attempts; next one in {} ms",
                    lead_attempts, retry_delay(s, s.failures));
    t.reply(s.owed, Reply::Kind::refused, why + "; see the journal of the store");
    // The store may still be on its way up, so it is stopped before this node says undecided.
    demote(t, Event::claim_failed, "claim_failed", why);
}

} // namespace roleswap::core
