#include "inside.hpp"
#include <utility>

/// Who is asked: probes, the witness and the fence.
namespace roleswap::explore {

/// A late answer tells what was true some time ago.
void Run::probe(unsigned n, bool late)
{
    using enum Due::Probe;
    Due& due = w.side[n].due;
    if (due.probe == asked) due.probe = w.side[n].lan ? reached : missed;
    if (late) return;
    using Answer = core::ProbeAnswer::Kind;
    const bool yes = std::exchange(due.probe, none) == reached;
    step(n, core::ProbeAnswer{yes ? Answer::reached : Answer::none_reached});
}

/// how 0: as it is; 1: it decides, the answer is lost; 2: it was read, the put comes late; 3: it
/// decides, the answer comes late.
void Run::witness(unsigned n, unsigned how)
{
    Side& side = w.side[n];
    const core::WitnessAsk ask = *side.due.witness;
    side.due.witness.reset();
    side.due.told = decide(n, ask, how);
    if (how != 3) told(n);
}

core::WitnessAnswer Run::decide(unsigned n, const core::WitnessAsk& ask, unsigned how)
{
    using Answer = core::WitnessAnswer::Kind;
    Side& side = w.side[n];
    const core::WitnessAnswer nothing{ask.ticket, Answer::unreachable, {}};
    if (!side.lan || w.witness_down) return nothing;
    if (w.wiped) return {ask.ticket, how == 1 ? Answer::unreachable : Answer::wiped, {}};
    const bool allowed = w.verdict.master == ask.value.master || !core::older(ask.seen, w.verdict);
    if (!allowed) {
        see(Sight::witness_refused);
        return how == 1 ? nothing : core::WitnessAnswer{ask.ticket, Answer::refused, w.verdict};
    }
    const core::Verdict put = core::older(w.verdict, ask.value) ? ask.value : w.verdict;
    if (how == 2) {
        side.zombie = put;
        return nothing;
    }
    w.verdict = put;
    w.side[0].zombie.reset();
    w.side[1].zombie.reset();
    see(Sight::witness_granted);
    return how == 1 ? nothing : core::WitnessAnswer{ask.ticket, Answer::granted, put};
}

void Run::told(unsigned n)
{
    const core::WitnessAnswer answer = *w.side[n].due.told;
    w.side[n].due.told.reset();
    step(n, answer);
}

void Run::land(unsigned n)
{
    w.verdict = *w.side[n].zombie;
    w.side[0].zombie.reset();
    w.side[1].zombie.reset();
}

/// What the peer was writing when its power went may be on its disk or not.
void Run::fence(unsigned n, unsigned how)
{
    using Answer = core::FenceAnswer::Kind;
    const auto ticket = std::exchange(w.side[n].due.fence, 0);
    const unsigned kept = how / fence_kept;
    how %= fence_kept;
    if (how != 1) {
        see(Sight::fenced);
        end(1 - n, kept);
    }
    step(n, core::FenceAnswer{ticket, how == 0 ? Answer::confirmed : Answer::failed});
}

/// A witness without memory gets a new one from the master, by an operator.
void Run::witness_back()
{
    w.witness_down = false;
    if (!w.wiped) return;
    for (const Side& side : w.side) {
        if (side.core.role != core::Role::master) continue;
        w.wiped = false;
        w.verdict = {side.core.record.epoch, side.core.record.round, side.core.settings.self};
        w.side[0].zombie.reset();
        w.side[1].zombie.reset();
    }
}

} // namespace roleswap::explore
