#include "core/turn.hpp"

/// Who is cut off?  Of two nodes that hear nothing of each other at most one reaches a probe; it is
/// the one that may decide.
namespace roleswap::core {
namespace {

/// One lost ping is none; a cut that lets the other side decide lasts for several questions.
constexpr unsigned misses_limit = 2;
constexpr Ticks ask_percent = 10;
/// The first answer must come before the peer can decide at 80 % of the delay (lease.cpp).
constexpr Ticks first_answer_percent = 65;

void count_miss(ProbeView& probe)
{
    if (++probe.misses >= misses_limit) probe.was_cut_off = true;
}

} // namespace

Ticks unanswered_for(const State& s)
{
    const Message& m = s.peer.last;
    if (m.echo_boot != s.settings.boot || m.echo_sent_at > s.now) return s.now;
    return s.now - m.echo_sent_at;
}

void watch_probes(Turn& t)
{
    State& s = t.s;
    if (s.settings.witness || s.settings.fence || !s.settings.probes_configured) return;
    if (unanswered_for(s) < percent(s, probe_percent)) return;
    ProbeView& probe = s.probe;
    if (probe.asked && s.now - probe.asked_at < percent(s, ask_percent)) return;
    if (probe.asked && !probe.answered) count_miss(probe);
    probe.asked = true;
    probe.answered = false;
    probe.asked_at = s.now;
    t.emit(Probe{});
}

void probe_answered(Turn& t, const ProbeAnswer& answer)
{
    ProbeView& probe = t.s.probe;
    if (!probe.asked || probe.answered) return;
    probe.answered = true;
    probe.reached = answer.kind == ProbeAnswer::Kind::reached;
    if (!probe.reached) return count_miss(probe);
    probe.misses = 0;
    if (probe.reached_at == 0) probe.reached_at = t.s.now;
}

bool never_cut_off(const State& s)
{
    const ProbeView& probe = s.probe;
    if (!probe.reached || probe.was_cut_off || probe.reached_at == 0) return false;
    const Ticks began = s.now - unanswered_for(s);
    return probe.reached_at - began <= percent(s, first_answer_percent);
}

} // namespace roleswap::core
