#include "safety.hpp"
#include <catch2/catch.hpp>

namespace roleswap::safety_test {

using namespace daemon;
using Part = SafetyFacts::Part;
using Lines = std::vector<std::string>;

namespace {

/// A mirrored master with three cables and nobody to ask but a probe.
SafetyFacts master_of_a_pair()
{
    SafetyFacts facts;
    facts.role = core::Role::master;
    facts.mirrored = true;
    facts.probes = true;
    facts.peer = "right";
    facts.guard_armed = true;
    facts.networks = facts.networks_up = 3;
    return facts;
}

const char* const mirrored = "a commit is acknowledged only when both nodes hold it";
const char* const guarded = "should this daemon freeze, its guard kills tasks and store before the "
                            "standby may take over";

} // namespace

TEST_CASE("a pair without a third party says which cut is unsafe", "[safety]")
{
    auto facts = master_of_a_pair();
    CHECK(safety_of(facts) ==
          Safety{Lines{mirrored, guarded,
                       "pair only: while the standby is in sync, of two nodes that do not hear "
                       "each other only one that reaches a probe goes on as master"},
                 Lines{"no witness and no fence: should every link be cut while both nodes still "
                       "reach a probe address, both could become master"}});
    facts.serial = Part::well;
    const auto safety = safety_of(facts);
    CHECK(safety.holds.back() == "with every network cut the nodes still hear each other over the "
                                 "null-modem cable");
    CHECK(safety.unsafe == Lines{"no witness and no fence: should every link, the null-modem cable "
                                 "too, be cut while both nodes still reach a probe address, both "
                                 "could become master"});
}

TEST_CASE("a witness takes the unsafe case away, as long as it is well", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.witness = Part::well;
    CHECK(safety_of(facts) == Safety{Lines{mirrored, guarded,
                                           "never two masters, whatever cables are cut: no node "
                                           "decides alone without the witness"},
                                     {}});
    facts.witness = Part::unwell;
    CHECK(safety_of(facts).unsafe == Lines{"the witness is needed and not well: should right die "
                                           "too, nothing goes on by itself"});
}

TEST_CASE("a witness of two etcds promises nothing", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.witness = Part::unwell;
    facts.split = true;
    CHECK(
        safety_of(facts) ==
        Safety{Lines{mirrored, guarded},
               Lines{"the endpoints of the witness are not of one etcd and could give their leave "
                     "to both nodes: none is asked, and should right die, nothing goes on by "
                     "itself"}});
}

TEST_CASE("a fence is named with what is wrong with it", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.fence = Part::well;
    facts.fence_by = "/usr/sbin/fence_virsh";
    CHECK(safety_of(facts) == Safety{Lines{mirrored, guarded,
                                           "fence: no takeover from a silent right before "
                                           "/usr/sbin/fence_virsh confirms that it is off"},
                                     {}});
    facts.fence = Part::unwell;
    facts.fence_trust = true;
    CHECK(safety_of(facts).unsafe ==
          Lines{"[fence] trust = true: nothing proves that right is off",
                "the fence does not work: no takeover from a silent right by itself"});
}

TEST_CASE("what is missing now is said of either role", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.mirrored = false;
    facts.guard_armed = false;
    facts.guard = Part::unwell;
    facts.probes = false;
    facts.networks_up = 1;
    CHECK(safety_of(facts) ==
          Safety{{},
                 Lines{"alone: what is acknowledged now is on this node only, and right does not "
                       "take over by itself",
                       "no guard watches this daemon: frozen, it would keep tasks alive while the "
                       "other node takes over",
                       "no takeover on silence alone: no probe, no witness and no fence is "
                       "configured, so a dead master is replaced by hand",
                       "one link is left: its loss looks like the death of right"}});
    facts.role = core::Role::standby;
    CHECK(safety_of(facts).unsafe.front() == "this standby is not in sync: should right die, "
                                             "nothing takes over by itself");
    facts.networks_up = 0;
    facts.serial = Part::well;
    CHECK(safety_of(facts).unsafe.back() ==
          "no network between the nodes: the store cannot be mirrored");
}

TEST_CASE("with a dr node a witness promises one master of the pair, not of three", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.witness = Part::well;
    facts.dr = SafetyFacts::Dr{.name = "far", .heard = true};
    CHECK(safety_of(facts) ==
          Safety{Lines{mirrored, guarded,
                       "never two masters within the pair, whatever cables are cut: no node "
                       "decides alone without the witness",
                       "the dr node far leads by a person's order only, and not while it hears a "
                       "master here"},
                 Lines{"should every link to far be cut, a person could activate it beside this "
                       "pair: the pair has to be off before"}});
    facts.dr->heard = false;
    facts.dr->lag = "12.0 KiB and 3 s";
    CHECK(safety_of(facts).unsafe ==
          Lines{"far is not heard: whether a person activated it there beside this pair, nobody "
                "here can tell",
                "far is 12.0 KiB and 3 s behind: that would be lost if it were activated now"});
    facts.witness = Part::unwell;
    CHECK(safety_of(facts).holds.at(2) ==
          "never two masters within the pair, whatever cables are cut");
}

TEST_CASE("beside a dr node that leads the promises of the pair do not count", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.role = core::Role::standby;
    facts.dr = SafetyFacts::Dr{.name = "far", .heard = true, .leads = true};
    CHECK(safety_of(facts) ==
          Safety{Lines{"this node does not lead by itself: the dr node far was activated by hand "
                       "and has the newest epoch"},
                 Lines{"should far die, nothing takes over by itself"}});
    facts.dr->heard = false;
    CHECK(safety_of(facts).unsafe.back() ==
          "far is not heard: whether it still leads, nobody here can tell");
}

TEST_CASE("what a dr node can lose is no guarantee", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.role = core::Role::standby;
    facts.mirrored = facts.guard_armed = false;
    facts.dr = SafetyFacts::Dr{.here = true, .name = "far", .mirror = true};
    const Lines waits{"this dr node never takes over by itself and counts for nothing in the pair"};
    CHECK(safety_of(facts) == Safety{waits, Lines{"nobody waits for this mirror: what it does not "
                                                  "hold is lost if it is activated"}});
    facts.dr->lag = "12.0 KiB and 3 s";
    CHECK(safety_of(facts) ==
          Safety{waits, Lines{"nobody waits for this mirror: what it does not hold, now 12.0 KiB "
                              "and 3 s, is lost if it is activated"}});
    facts.dr->mirror = false;
    CHECK(safety_of(facts) ==
          Safety{waits, Lines{"this dr node mirrors nobody now: what the pair acknowledges "
                              "meanwhile is lost if it is activated"}});
    facts.role = core::Role::undecided;
    facts.dr->leads = true;
    CHECK(safety_of(facts).holds.empty());
    CHECK(safety_of(facts).unsafe.front() ==
          "this dr node was activated by hand and will lead again by itself");
}

TEST_CASE("a dr node that leads says whom it does not hear and that no guard watches", "[safety]")
{
    auto facts = master_of_a_pair();
    facts.mirrored = facts.guard_armed = false;
    facts.dr = SafetyFacts::Dr{.here = true, .name = "far", .leads = true};
    const Lines leads{"this dr node leads by hand: a node of the pair that hears of it leads no "
                      "more"};
    const std::string alone =
        "alone: no commit here waits for another node, and nothing takes over by itself";
    CHECK(safety_of(facts) == Safety{leads, Lines{alone}});
    facts.dr->unheard = {"left", "right"};
    facts.guard = Part::unwell;
    CHECK(safety_of(facts) ==
          Safety{leads, Lines{alone,
                              "left is not heard: what it does, leading beside this node too, "
                              "nobody here can tell",
                              "right is not heard: what it does, leading beside this node too, "
                              "nobody here can tell",
                              "no guard watches this daemon: should it die or freeze, nothing ends "
                              "its tasks and its store"}});
}

} // namespace roleswap::safety_test
