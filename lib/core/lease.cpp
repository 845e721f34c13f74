#include "core/turn.hpp"
#include <algorithm>

/// The promise of the in-sync standby, as the master counts it: `takeover_delay` from when it sent
/// the newest message that the standby echoed.  Work is suspended at 60 % of it; at 80 % the
/// master either knows that the standby cannot claim, or gives up.
namespace roleswap::core {
namespace {

/// A peer that sent nothing for so long at the decision is silent, not deaf.
constexpr Ticks silent_percent = 40;

void suspend(Turn& t, Ticks age)
{
    State& s = t.s;
    if (s.suspended) return;
    s.suspended = true;
    t.emit(WorkSuspend{});
    t.notify("suspended", fmt::format("the peer has not answered for {} ms of {} ms", age,
                                      s.settings.takeover_delay));
}

bool is_silent(const State& s, Ticks step)
{
    return s.peer.silence >= percent(s, silent_percent) && step <= 2 * s.settings.heartbeat;
}

void give_up(Turn& t, Ticks age, std::string_view why)
{
    demote(t, Event::lease_lost, "self_fence",
           fmt::format("{} ms since the newest answer of the in-sync peer (it may claim at {} ms): "
                       "{}",
                       age, t.s.settings.takeover_delay, why));
}

/// The witness decides between the two nodes, so it is asked as soon as there is doubt.
void decide_by_witness(Turn& t, Ticks age)
{
    if (age >= percent(t.s, decide_percent))
        return give_up(t, age, "the witness gave no leave in time");
    seek_alone(t);
}

/// No deadline: the peer claims only when this node is switched off.
void decide_by_fence(Turn& t, Ticks age, Ticks step)
{
    if (age >= percent(t.s, decide_percent) && is_silent(t.s, step)) seek_alone(t);
}

/// Nobody else can be master: the standby reaches no probe (else the master would not), or has no
/// right to claim by silence at all.
void decide(Turn& t, Ticks age, Ticks step)
{
    State& s = t.s;
    const bool silent = is_silent(s, step);
    if (!s.settings.probes_configured) {
        // No deadline: the standby does not claim by silence.
        if (silent) go_alone(t, "without probes silence never lets it claim");
        return;
    }
    if (silent && s.probe.reached && !s.probe.was_cut_off)
        return go_alone(t, "a probe answers here; if all links were cut while the peer reaches a "
                           "probe too, both may become master");
    give_up(t, age,
            silent ? "no probe answers here all the time, so this node is the isolated one"
                   : "it is heard or this node was frozen, so it may live and claim");
}

} // namespace

void go_alone(Turn& t, std::string_view why)
{
    State& s = t.s;
    wish_alone(t);
    s.peer_may_claim = false;
    t.persist(next_round(s, Mode::alone), After::alone);
    t.notify("mode_alone", fmt::format("{} ms since the newest answer of the silent peer, and {}",
                                       s.now - s.lease_from, why));
}

void lease_elapsed(Turn& t, Ticks step)
{
    State& s = t.s;
    if (s.role != Role::master || !s.peer_may_claim) return;
    if (sabotaged(s, Settings::Sabotage::lease_ignored)) return;
    const Ticks age = s.now - s.lease_from;
    watch_probes(t);
    if (age < percent(s, suspend_percent)) return try_resume(t);
    suspend(t, age);
    if (s.settings.witness) return decide_by_witness(t, age);
    if (s.settings.fence) return decide_by_fence(t, age, step);
    if (age >= percent(s, decide_percent)) decide(t, age, step);
}

void renew_lease(Turn& t)
{
    State& s = t.s;
    const Message& m = s.peer.last;
    if (m.echo_boot != s.settings.boot || m.echo_sent_at > s.now) return;
    if (m.echo_sent_at <= s.lease_from) return;
    s.lease_from = m.echo_sent_at;
    if (s.role != Role::master) return;
    try_resume(t);
}

void try_resume(Turn& t)
{
    State& s = t.s;
    if (s.role != Role::master || !s.suspended || s.thawing) return;
    if (s.work_killed && !s.tasks_dead) return;
    if (s.pending && s.pending->after == After::alone) return;
    if (s.peer_may_claim && s.now - s.lease_from >= percent(s, suspend_percent)) return;
    s.suspended = false;
    const bool undone = s.work_killed;
    if (undone) {
        s.work_killed = false;
        s.tasks_dead = false;
        t.emit(WorkStart{s.record.epoch});
    } else {
        t.emit(WorkResume{});
    }
    t.notify("resumed", undone             ? "the hand-over was undone"
                        : s.peer_may_claim ? "the peer answers again"
                                           : "the peer is not in sync");
}

} // namespace roleswap::core
