#include "core/turn.hpp"
#include <algorithm>

/// The promise of the in-sync standby, as the master counts it: `takeover_delay` from when it sent
/// the newest message that the standby echoed.  Work is suspended at 60 % of it; at 80 % the
/// master either knows that the standby cannot claim, or gives up.
namespace roleswap::core {
namespace {

constexpr Ticks suspend_percent = 60;
constexpr Ticks decide_percent = 80;
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

/// Nobody else can be master: the standby reaches no probe (else the master would not), or has no
/// right to claim by silence at all.
void go_alone(Turn& t, Ticks age)
{
    State& s = t.s;
    wish_alone(t);
    s.peer_may_claim = false;
    t.persist(Record{s.record.epoch, s.settings.self, Mode::alone}, After::alone);
    t.notify("mode_alone",
             fmt::format("the peer is silent on every link, {} ms since its newest answer, and {}",
                         age,
                         s.settings.probes_configured
                             ? "a probe answers here; if all links were cut while the peer reaches "
                               "a probe too, both may become master"
                             : "without probes silence never lets it claim"));
}

void decide(Turn& t, Ticks age, Ticks step)
{
    State& s = t.s;
    const bool silent =
        s.peer.silence >= percent(s, silent_percent) && step <= 2 * s.settings.heartbeat;
    if (!s.settings.probes_configured) {
        // No deadline: the standby does not claim by silence.
        if (silent) go_alone(t, age);
        return;
    }
    if (silent && s.probe.reached && !s.probe.was_cut_off) return go_alone(t, age);
    const char* why = !silent
                          ? "it is heard or this node was frozen, so it may live and claim"
                          : "no probe answers here all the time, so this node is the isolated one";
    demote(t, Event::lease_lost, "self_fence",
           fmt::format("{} ms since the newest answer of the in-sync peer (it may claim at {} ms): "
                       "{}",
                       age, s.settings.takeover_delay, why));
}

} // namespace

void lease_elapsed(Turn& t, Ticks step)
{
    State& s = t.s;
    if (s.role != Role::master || !s.peer_may_claim) return;
    if (sabotaged(s, Settings::Sabotage::lease_ignored)) return;
    const Ticks age = s.now - s.lease_from;
    watch_probes(t);
    if (age < percent(s, suspend_percent)) return try_resume(t);
    suspend(t, age);
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
