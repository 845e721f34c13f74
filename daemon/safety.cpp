#include "safety.hpp"

namespace roleswap::daemon {
namespace {

using core::Role;
using Part = SafetyFacts::Part;

void add_mirror(Safety& safety, const SafetyFacts& facts)
{
    const bool master = facts.role == Role::master || facts.role == Role::releasing;
    if (facts.mirrored)
        safety.holds.push_back("a commit is acknowledged only when both nodes hold it");
    else if (master)
        safety.unsafe.push_back("alone: what is acknowledged now is on this node only, and " +
                                facts.peer + " does not take over by itself");
    else if (facts.role == Role::standby)
        safety.unsafe.push_back("this standby is not in sync: should " + facts.peer +
                                " die, nothing takes over by itself");
}

void add_guard(Safety& safety, const SafetyFacts& facts)
{
    if (facts.guard_armed)
        safety.holds.push_back("should this daemon freeze, its guard kills tasks and store before "
                               "the standby may take over");
    if (facts.guard == Part::unwell)
        safety.unsafe.push_back("no guard watches this daemon: frozen, it would keep tasks alive "
                                "while the other node takes over");
}

void add_witness(Safety& safety, const SafetyFacts& facts)
{
    if (facts.witness == Part::well)
        safety.holds.push_back("never two masters, whatever cables are cut: no node decides alone "
                               "without the witness");
    if (facts.witness != Part::unwell) return;
    safety.holds.push_back("never two masters, whatever cables are cut");
    safety.unsafe.push_back("the witness is needed and not well: should " + facts.peer +
                            " die too, nothing goes on by itself");
}

void add_fence(Safety& safety, const SafetyFacts& facts)
{
    if (facts.fence == Part::absent) return;
    safety.holds.push_back("fence: no takeover from a silent " + facts.peer + " before " +
                           facts.fence_by + " confirms that it is off");
    if (facts.fence_trust)
        safety.unsafe.push_back("[fence] trust = true: nothing proves that " + facts.peer +
                                " is off");
    if (facts.fence == Part::unwell)
        safety.unsafe.push_back("the fence does not work: no takeover from a silent " + facts.peer +
                                " by itself");
}

/// Two nodes and nobody else to ask.
void add_pair_rule(Safety& safety, const SafetyFacts& facts)
{
    if (facts.witness != Part::absent || facts.fence != Part::absent) return;
    if (!facts.probes) {
        safety.unsafe.push_back("no takeover on silence alone: no probe, no witness and no fence "
                                "is configured, so a dead master is replaced by hand");
        return;
    }
    safety.holds.push_back("pair only: while the standby is in sync, of two nodes that do not hear "
                           "each other only one that reaches a probe goes on as master");
    const std::string cables =
        facts.serial == Part::well ? "every link, the null-modem cable too," : "every link";
    safety.unsafe.push_back("no witness and no fence: should " + cables +
                            " be cut while both nodes still reach a probe address, both could "
                            "become master");
}

void add_links(Safety& safety, const SafetyFacts& facts)
{
    if (facts.serial == Part::well)
        safety.holds.push_back("with every network cut the nodes still hear each other over the "
                               "null-modem cable");
    const std::size_t up = facts.networks_up + (facts.serial == Part::well ? 1 : 0);
    if (facts.networks_up == 0 && facts.serial == Part::well)
        safety.unsafe.push_back("no network between the nodes: the store cannot be mirrored");
    else if (up == 1 && facts.networks > 1)
        safety.unsafe.push_back("one link is left: its loss looks like the death of " + facts.peer);
}

} // namespace

Safety safety_of(const SafetyFacts& facts)
{
    Safety safety;
    add_mirror(safety, facts);
    add_guard(safety, facts);
    add_witness(safety, facts);
    add_fence(safety, facts);
    add_pair_rule(safety, facts);
    add_links(safety, facts);
    return safety;
}

} // namespace roleswap::daemon
