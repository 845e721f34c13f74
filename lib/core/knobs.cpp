#include "core/evidence.hpp"
#include "core/turn.hpp"

/// Which setting would have changed a decision.  Where none is named, none would have: one epoch
/// has one master, whatever is configured.
namespace roleswap::core {
namespace {

/// The settings that can change a decision of the protocol, with the value they have.
class Knobs {
public:
    explicit Knobs(const State& s) : s_(s) {}

    Knobs& delay(std::string effect)
    {
        return add("[pair] takeover_delay", fmt::format("{} ms", s_.settings.takeover_delay),
                   std::move(effect));
    }
    /// `share` percent of the takeover delay, as "80 % of it, 800 ms".
    std::string share(Ticks share) const
    {
        return fmt::format("{} % of it, {} ms", share, percent(s_, share));
    }
    Knobs& probes(std::string effect)
    {
        return add("[pair] probes", present(s_.settings.probes_configured), std::move(effect));
    }
    Knobs& witness(std::string effect)
    {
        return add("[witness]", present(s_.settings.witness), std::move(effect));
    }
    Knobs& fence(std::string effect)
    {
        return add("[fence]", present(s_.settings.fence), std::move(effect));
    }
    Knobs& fence_delay()
    {
        return add("[fence] delay", fmt::format("{} ms", s_.settings.fence_delay),
                   "the standby waits so much longer before it fences");
    }
    Knobs& hold(std::string effect)
    {
        return add("roleswap takeover hold", s_.hold ? "held" : "released", std::move(effect));
    }
    Knobs& peer_hold(std::string effect)
    {
        return add("roleswap takeover hold, on the peer", s_.peer.last.hold ? "held" : "released",
                   std::move(effect));
    }
    std::vector<Knob> list() { return std::move(list_); }

private:
    static std::string present(bool is) { return is ? "configured" : "none"; }
    Knobs& add(const char* setting, std::string value, std::string effect)
    {
        list_.push_back({setting, std::move(value), std::move(effect)});
        return *this;
    }
    const State& s_;
    std::vector<Knob> list_;
};

bool third_party(const State& s)
{
    return s.settings.witness || s.settings.fence;
}

/// Two nodes and nobody else to ask: what lets a standby claim from a silent master, or would.
void leave_of_a_probe(Knobs& knobs, const State& s)
{
    knobs.probes(s.settings.probes_configured
                     ? "silence lets a standby claim only while one of them answers it"
                     : "with an address that answers here silence lets a standby claim");
    knobs.witness("with one its leave decides, not a probe");
    knobs.fence("with one the silent peer is switched off first, and no probe is needed");
}

constexpr const char* by_leave = "the standby claims only with its leave";
constexpr const char* by_fence = "the standby claims only when it confirms that the peer is off";

/// All that a claim from a silent master depends on.
void leave_to_claim(Knobs& knobs, const State& s)
{
    if (!third_party(s)) return leave_of_a_probe(knobs, s);
    if (s.settings.witness) knobs.witness(by_leave);
    if (s.settings.fence)
        knobs.fence(by_fence).fence_delay();
    else
        knobs.fence("with one the silent peer is switched off first, too");
}

/// The one whose leave is missing; the fence is asked after the witness.
void missing_leave(Knobs& knobs, const State& s, const Evidence& evidence)
{
    if (!third_party(s)) return leave_of_a_probe(knobs, s);
    if (evidence.witness && evidence.witness->said != Evidence::Witness::Said::granted)
        knobs.witness(by_leave);
    else
        knobs.fence(by_fence);
}

void claim_of_standby(Knobs& knobs, const State& s)
{
    if (s.peer.last.role == Role::undecided && s.in_sync && peer_heard(s)) {
        knobs.hold("held, this standby would not have claimed");
        return;
    }
    if (peer_heard(s)) return; // handed over by name
    knobs.delay("a longer one bears a longer silence");
    leave_to_claim(knobs, s);
    knobs.hold("held, this standby would not have claimed");
}

void claimed(Knobs& knobs, const State& s, Role from)
{
    if (s.owed || s.leaving) return;
    if (from == Role::standby) return claim_of_standby(knobs, s);
    if (peer_heard(s)) return;
    knobs.delay("a longer one waits longer for the peer");
    if (s.settings.witness) knobs.witness("a node that was master claims only with its leave");
    knobs.hold("held, this node would have stayed undecided");
}

void master_decides(Knobs& knobs, const State& s)
{
    if (s.settings.witness)
        knobs.delay(fmt::format("a master that hears no answer asks the witness from {}, and gives "
                                "up at {} %",
                                knobs.share(suspend_percent), decide_percent));
    else
        knobs.delay(fmt::format("a master that hears no answer decides at {}",
                                knobs.share(decide_percent)));
}

void lease_lost(Knobs& knobs, const State& s)
{
    master_decides(knobs, s);
    if (s.settings.witness) {
        knobs.witness("its leave in time would have let this master go on alone");
        return;
    }
    knobs.probes("a silent peer and a probe that answers all the time let a master go on alone");
    knobs.witness("with one its leave decides, not a probe");
    knobs.fence("with one a master has no deadline: it loses its role only when it is off");
}

void waits_as_standby(Knobs& knobs, const State& s, const Evidence& evidence)
{
    if (s.hold) knobs.hold("released, this standby claims by the rule");
    if (!s.in_sync && s.role == Role::standby && s.peer.silence < percent(s, give_up_percent))
        return;
    if (s.peer.silence >= percent(s, give_up_percent) && !third_party(s))
        knobs.delay(fmt::format("at {} a silent master may have gone on alone",
                                knobs.share(give_up_percent)));
    missing_leave(knobs, s, evidence);
}

void waits(Knobs& knobs, const State& s, const Evidence& evidence)
{
    switch (s.role) {
    case Role::standby:
        return waits_as_standby(knobs, s, evidence);
    case Role::undecided:
        if (s.hold) knobs.hold("released, this node may claim by the rule");
        if (!peer_heard(s) && s.record.master == s.settings.self && !s.settings.witness &&
            s.record.mode == Mode::mirrored)
            knobs.witness("with one its leave decides whether the peer became master");
        else if (s.settings.witness)
            knobs.witness("a node that was master claims only with its leave");
        return;
    case Role::master:
        if (s.settings.witness) knobs.witness("its leave lets this master go on alone");
        if (s.settings.fence) knobs.fence("its word that the peer is off lets this master go on");
        return;
    case Role::claiming:
    case Role::releasing:
    case Role::demoting:
        return;
    }
}

void went_alone(Knobs& knobs, const State& s)
{
    const bool consented = s.peer.silence == 0; // by the message that this step brought
    const Message& m = s.peer.last;
    if (consented) {
        if (m.leaving || m.role == Role::undecided || m.record.epoch < s.record.epoch) return;
        knobs.delay("a mirror that is away for all of it, 10 s at most, is waited for");
        return;
    }
    master_decides(knobs, s);
    if (s.settings.witness)
        knobs.witness("without its leave this master would have given up");
    else if (s.settings.fence)
        knobs.fence("without its word that the peer is off this master would have waited")
            .witness("with one its leave decides, not the fence");
    else if (s.settings.probes_configured)
        knobs.probes("without an answer of one this master would have given up")
            .witness("with one its leave decides, not a probe")
            .fence("with one the silent peer is switched off first");
    else
        knobs.probes("with one that does not answer this master would have given up");
}

constexpr const char* not_to_who_is_held = "a node where it is held may not be handed the role";

void undone(Knobs& knobs)
{
    knobs.delay(fmt::format("no answer for {}, or tasks and transactions that do not end in all "
                            "of it (1000 ms at least), undo a hand-over",
                            knobs.share(undo_percent)));
    knobs.peer_hold(not_to_who_is_held);
}

void refused(Knobs& knobs, const State& s, const Evidence& evidence)
{
    if (s.role == Role::master && s.peer.last.hold)
        knobs.peer_hold(not_to_who_is_held);
    else if (s.role == Role::standby && s.in_sync && !peer_heard(s))
        missing_leave(knobs, s, evidence);
}

/// The fence is told to act, or not to act any more.
void fenced(Knobs& knobs, const State& s)
{
    knobs.fence("without one nobody is switched off");
    knobs.witness(s.settings.witness ? "its leave was asked for first"
                                     : "with one its leave is asked for first");
    if (s.role == Role::master)
        master_decides(knobs, s);
    else if (!peer_heard(s))
        knobs.fence_delay()
            .delay("a longer one bears a longer silence")
            .hold("held, this node would not have asked for it");
}

void guard_failed(Knobs& knobs, const State& s, const Evidence& evidence)
{
    if (!evidence.guard || !evidence.guard->ready) return;
    knobs.delay(
        fmt::format("the guard ends all work at {} without an answer", knobs.share(guard_percent)));
    if (s.settings.witness) return;
    knobs.probes("without any silence lets no standby claim, and the guard has no deadline")
        .fence("with one the standby claims only when this node is off, and the guard has no "
               "deadline");
}

void moved(Knobs& knobs, const State& s, const Evidence& evidence, Event event)
{
    switch (event) {
    case Event::claim_decided:
        return claimed(knobs, s, evidence.role);
    case Event::lease_lost:
        return lease_lost(knobs, s);
    case Event::guard_failed:
        return guard_failed(knobs, s, evidence);
    case Event::hand_over_undone:
        return undone(knobs);
    case Event::hand_over_started:
    case Event::handed_over:
        knobs.peer_hold(not_to_who_is_held);
        return;
    case Event::peer_is_master:
    case Event::store_leads:
    case Event::claim_failed:
    case Event::newer_epoch:
    case Event::store_failed:
    case Event::left:
    case Event::released:
        return;
    }
}

/// A role that stands: what it would take to lose or to get it.
void stands(Knobs& knobs, const State& s, const Evidence& evidence)
{
    if (s.role == Role::master && s.peer_may_claim) {
        knobs.delay(fmt::format("without an answer this master suspends its work at {}",
                                knobs.share(suspend_percent)));
        return;
    }
    if (s.role == Role::standby && s.in_sync && peer_heard(s)) {
        knobs.delay("so long must the master be silent on every link");
        leave_to_claim(knobs, s);
        if (s.hold) knobs.hold("released, this standby claims by the rule");
        return;
    }
    waits(knobs, s, evidence);
}

/// A person's order to the dr node counts, whatever the settings of the pair are.
bool dr_decides(const State& s)
{
    const auto names_dr = [&s](const Record& record) {
        return record.epoch > 0 && record.master == Node::dr && record.epoch >= s.record.epoch;
    };
    return is_dr(s) || names_dr(s.record) || names_dr(third_view(s, Node::dr).last.record) ||
           names_dr(s.peer.last.record);
}

} // namespace

std::vector<Knob> knobs_of(const State& at, const Evidence& evidence, std::string_view what)
{
    Knobs knobs(at);
    if (what == "freeze")
        knobs.delay("a pause above half of it makes this node believe nothing it knew before");
    else if (dr_decides(at))
        return {};
    else if (what.empty())
        stands(knobs, at, evidence);
    else if (what == "refused")
        refused(knobs, at, evidence);
    else if (evidence.rule != Notify::no_rule)
        moved(knobs, at, evidence, rules[evidence.rule].event);
    else if (what == "waiting" || (what == "standby_lost" && !peer_heard(at)))
        waits(knobs, at, evidence);
    else if (what == "mode_alone")
        went_alone(knobs, at);
    else if (what == "suspended")
        knobs.delay(
            fmt::format("without an answer work is suspended at {}", knobs.share(suspend_percent)));
    else if (what == "fence")
        fenced(knobs, at);
    return knobs.list();
}

} // namespace roleswap::core
