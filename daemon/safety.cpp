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

/// A dr node leads by a person's word alone, which no witness is asked for.
std::string never_two(const SafetyFacts& facts)
{
    return facts.dr ? "never two masters within the pair, whatever cables are cut"
                    : "never two masters, whatever cables are cut";
}

void add_witness(Safety& safety, const SafetyFacts& facts)
{
    if (facts.witness == Part::absent) return;
    if (facts.split) {
        safety.unsafe.push_back("the endpoints of the witness are not of one etcd and could give "
                                "their leave to both nodes: none is asked, and should " +
                                facts.peer + " die, nothing goes on by itself");
        return;
    }
    const bool well = facts.witness == Part::well;
    safety.holds.push_back(never_two(facts) +
                           (well ? ": no node decides alone without the witness" : ""));
    if (well) return;
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

/// A node of the pair whose dr node waits.
void add_dr(Safety& safety, const SafetyFacts& facts)
{
    if (!facts.dr) return;
    const auto& dr = *facts.dr;
    safety.holds.push_back("the dr node " + dr.name +
                           " leads by a person's order only, and not while it hears a master here");
    safety.unsafe.push_back(dr.heard ? "should every link to " + dr.name +
                                           " be cut, a person could activate it beside this pair: "
                                           "the pair has to be off before"
                                     : dr.name + " is not heard: whether a person activated it "
                                                 "there beside this pair, nobody here can tell");
    if (!dr.lag.empty())
        safety.unsafe.push_back(dr.name + " is " + dr.lag +
                                " behind: that would be lost if it were activated now");
}

/// A node of the pair while the dr node leads: nothing of the pair's own rules is at work.
Safety beside_dr(const SafetyFacts& facts)
{
    const auto& dr = *facts.dr;
    Safety safety;
    safety.holds.push_back("this node does not lead by itself: the dr node " + dr.name +
                           " was activated by hand and has the newest epoch");
    safety.unsafe.push_back("should " + dr.name + " die, nothing takes over by itself");
    if (!dr.heard)
        safety.unsafe.push_back(dr.name + " is not heard: whether it still leads, nobody here can "
                                          "tell");
    return safety;
}

void add_dr_lead(Safety& safety, const SafetyFacts& facts)
{
    safety.holds.push_back("this dr node leads by hand: a node of the pair that hears of it leads "
                           "no more");
    safety.unsafe.push_back("alone: no commit here waits for another node, and nothing takes over "
                            "by itself");
    for (const auto& name : facts.dr->unheard)
        safety.unsafe.push_back(name + " is not heard: what it does, leading beside this node too, "
                                       "nobody here can tell");
    if (facts.guard == Part::unwell)
        safety.unsafe.push_back("no guard watches this daemon: should it die or freeze, nothing "
                                "ends its tasks and its store");
}

/// On the dr node itself.
Safety dr_safety(const SafetyFacts& facts)
{
    const auto& dr = *facts.dr;
    Safety safety;
    if (facts.role == Role::master || facts.role == Role::releasing) {
        add_dr_lead(safety, facts);
        return safety;
    }
    if (dr.leads)
        safety.unsafe.push_back("this dr node was activated by hand and will lead again by itself");
    else
        safety.holds.push_back("this dr node never takes over by itself and counts for nothing in "
                               "the pair");
    if (!dr.mirror)
        safety.unsafe.push_back("this dr node mirrors nobody now: what the pair acknowledges "
                                "meanwhile is lost if it is activated");
    else
        safety.unsafe.push_back("nobody waits for this mirror: what it does not hold" +
                                (dr.lag.empty() ? "" : ", now " + dr.lag + ",") +
                                " is lost if it is activated");
    return safety;
}

} // namespace

Safety safety_of(const SafetyFacts& facts)
{
    if (facts.dr && facts.dr->here) return dr_safety(facts);
    if (facts.dr && facts.dr->leads) return beside_dr(facts);
    Safety safety;
    add_mirror(safety, facts);
    add_guard(safety, facts);
    add_witness(safety, facts);
    add_fence(safety, facts);
    add_pair_rule(safety, facts);
    add_links(safety, facts);
    add_dr(safety, facts);
    return safety;
}

} // namespace roleswap::daemon
