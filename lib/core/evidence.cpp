#include "core/evidence.hpp"
#include "core/turn.hpp"

/// Facts only: nothing here decides anything.
namespace roleswap::core {
namespace {

using Said = Evidence::Witness::Said;
using Fenced = Evidence::Fenced;

/// What the decision was made on: the state before it, and what the input itself brought.  A
/// decision clears much of what led to it.
State moment(const State& before, const State& after)
{
    State at = before;
    at.now = after.now;
    at.peer = after.peer;
    at.thirds = after.thirds;
    at.probe = after.probe;
    at.position = after.position;
    at.lease_from = after.lease_from;
    at.hold = after.hold;
    at.leaving = after.leaving;
    if (!at.owed) at.owed = after.owed; // an order that was carried out at once
    return at;
}

std::optional<Evidence::Peer> peer_part(const State& s)
{
    const Message& m = s.peer.last;
    if (is_dr(s) || m.boot == 0) return {};
    Evidence::Peer peer{.heard_ago = s.now - s.peer.heard_at,
                        .silence = s.peer.silence,
                        .answer_age = {},
                        .role = m.role,
                        .record = m.record,
                        .store = m.store,
                        .position = m.position,
                        .leaving = m.leaving,
                        .hold = m.hold};
    if (m.echo_boot == s.settings.boot) peer.answer_age = unanswered_for(s);
    return peer;
}

Evidence::Third third_part(const State& s, Node node)
{
    const ThirdView& view = third_view(s, node);
    const Message& m = view.last;
    if (m.boot == 0) return {.node = node};
    return {.node = node,
            .heard = true,
            .heard_ago = s.now - view.heard_at,
            .silence = view.silence,
            .role = m.role,
            .record = m.record,
            .store = m.store,
            .position = m.position,
            .leaving = m.leaving};
}

std::vector<Evidence::Third> thirds_part(const State& s)
{
    if (is_dr(s)) return {third_part(s, Node::first), third_part(s, Node::second)};
    if (third_view(s, Node::dr).last.boot == 0) return {};
    return {third_part(s, Node::dr)};
}

std::optional<Evidence::Lease> lease_part(const State& s)
{
    const bool acts = s.role == Role::master || s.role == Role::releasing;
    if (!acts || !s.peer_may_claim) return {};
    return Evidence::Lease{s.now - s.lease_from, percent(s, suspend_percent),
                           percent(s, decide_percent), s.settings.takeover_delay};
}

std::optional<Evidence::Probe> probe_part(const State& s)
{
    if (!s.settings.probes_configured || s.settings.witness || s.settings.fence || is_dr(s))
        return {};
    return Evidence::Probe{s.probe.asked, s.probe.answered, s.probe.reached, s.probe.misses,
                           s.probe.was_cut_off};
}

std::optional<Evidence::Guard> guard_part(const State& s, const Input* input)
{
    if (!s.settings.guard) return {};
    const auto* event = input ? std::get_if<GuardEvent>(input) : nullptr;
    Evidence::Guard guard{.ready = s.guard_ready, .fired = false, .deadline_in = {}};
    if (event) guard.ready = event->kind != GuardEvent::Kind::lost;
    guard.fired = event && event->kind == GuardEvent::Kind::fired;
    if (s.guard_until != ExtendGuard::never)
        guard.deadline_in = s.guard_until > s.now ? s.guard_until - s.now : 0;
    return guard;
}

Said said(WitnessAnswer::Kind kind)
{
    using Kind = WitnessAnswer::Kind;
    switch (kind) {
    case Kind::granted:
        return Said::granted;
    case Kind::refused:
        return Said::refused;
    case Kind::unreachable:
        return Said::unreachable;
    case Kind::wiped:
        return Said::wiped;
    }
    return Said::unasked;
}

bool answered(const State& at, std::uint64_t ticket)
{
    return at.asking && at.asking->ticket == ticket;
}

/// The fence is asked only after the witness gave its leave, where there is one.
std::optional<Evidence::Witness> witness_part(const State& at, const Input* input)
{
    if (!at.settings.witness || is_dr(at)) return {};
    const auto* answer = input ? std::get_if<WitnessAnswer>(input) : nullptr;
    if (answer && answered(at, answer->ticket))
        return Evidence::Witness{said(answer->kind), answer->found};
    if (!at.asking) return Evidence::Witness{};
    const bool over = at.asking->whom == Asking::Whom::fence;
    return Evidence::Witness{over ? Said::granted : Said::asked, {}};
}

std::optional<Fenced> fence_part(const State& at, const Input* input)
{
    if (!at.settings.fence || is_dr(at)) return {};
    const auto* answer = input ? std::get_if<FenceAnswer>(input) : nullptr;
    if (answer && answered(at, answer->ticket))
        return answer->kind == FenceAnswer::Kind::confirmed ? Fenced::confirmed : Fenced::failed;
    const bool asked = at.asking && at.asking->whom == Asking::Whom::fence;
    return asked ? Fenced::asked : Fenced::unasked;
}

Evidence facts(const State& at, const Input* input)
{
    Evidence evidence;
    evidence.role = at.role;
    evidence.role_for = at.now - at.role_since;
    evidence.record = at.record;
    evidence.in_sync = at.in_sync;
    evidence.hold = at.hold;
    evidence.suspended = at.suspended;
    evidence.store = at.store;
    evidence.position = at.position;
    evidence.peer = peer_part(at);
    evidence.thirds = thirds_part(at);
    evidence.lease = lease_part(at);
    if (at.role == Role::standby && at.in_sync)
        evidence.promise =
            at.settings.takeover_delay + (at.settings.fence ? at.settings.fence_delay : 0);
    evidence.probe = probe_part(at);
    evidence.witness = witness_part(at, input);
    evidence.fence = fence_part(at, input);
    evidence.guard = guard_part(at, input);
    return evidence;
}

} // namespace

Evidence evidence_of(const State& before, const State& after, const Input& input,
                     const Notify& notify)
{
    const State at = moment(before, after);
    Evidence evidence = facts(at, &input);
    evidence.rule = notify.rule;
    // Several moves in one step: this one began in a role that lasted no time.
    if (notify.rule != Notify::no_rule && rules[notify.rule].from != evidence.role) {
        evidence.role = rules[notify.rule].from;
        evidence.role_for = 0;
        evidence.record = after.record;
    }
    evidence.knobs = knobs_of(at, evidence, notify.what);
    return evidence;
}

Evidence evidence_now(const State& state)
{
    Evidence evidence = facts(state, nullptr);
    evidence.rule = state.last_rule;
    evidence.knobs = knobs_of(state, evidence, {});
    return evidence;
}

std::string_view to_string(Evidence::Witness::Said what)
{
    switch (what) {
    case Said::unasked:
        return "not asked";
    case Said::asked:
        return "asked";
    case Said::granted:
        return "granted";
    case Said::refused:
        return "refused";
    case Said::unreachable:
        return "unreachable";
    case Said::wiped:
        return "wiped";
    }
    return "?";
}

std::string_view to_string(Fenced fenced)
{
    switch (fenced) {
    case Fenced::unasked:
        return "not asked";
    case Fenced::asked:
        return "asked";
    case Fenced::confirmed:
        return "confirmed";
    case Fenced::failed:
        return "failed";
    }
    return "?";
}

} // namespace roleswap::core
