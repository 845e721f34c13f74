#include "cases.hpp"

namespace roleswap::core::test {
namespace {

constexpr Record nothing{};
constexpr Record theirs{4, Node::second, Mode::alone, 0};
constexpr Record of_dr{dr_era, Node::dr, Mode::alone, 0};
constexpr Record mirrors_dr{dr_era, Node::dr, Mode::alone, 1};

Settings without_probes()
{
    Settings settings = pair_only();
    settings.probes_configured = false;
    return settings;
}

Settings with_both()
{
    Settings settings = with_fence();
    settings.witness = true;
    return settings;
}

Settings dr_node()
{
    Settings settings = pair_only();
    settings.self = Node::dr;
    return settings;
}

void standby_leaves(Bench& bench)
{
    become_master(bench);
    Message message = bench.message(Role::standby, bench.state.record);
    message.leaving = true;
    bench.hear(message);
    bench.pass(40);
    Record gave_up = bench.state.record;
    gave_up.mode = Mode::alone;
    message = bench.message(Role::standby, gave_up);
    message.leaving = true;
    bench.hear(message);
}

void start_hand_over(Bench& bench)
{
    become_master(bench);
    bench.command(Command::Kind::hand_over);
}

void hand_over(Bench& bench)
{
    start_hand_over(bench);
    bench.store(StoreEvent::Kind::frozen, 0x3000148);
    bench.step(TasksDead{});
    bench.persisted();
}

void ask_witness(Bench& bench)
{
    become_standby(bench);
    bench.until_asked(5000);
}

void fail_claim(Bench& bench)
{
    bench.hear(Role::undecided, nothing);
    bench.persisted();
    for (int attempt = 0; attempt < 3; ++attempt) {
        bench.store(StoreEvent::Kind::failed);
        bench.silence(1000, "claim_failed");
    }
}

void lose_by_wish(Bench& bench)
{
    become_standby(bench);
    Message message = bench.message(Role::master, bench.state.peer.last.record);
    message.wish_alone = true;
    bench.hear(message);
}

void follow_as_dr(Bench& bench)
{
    bench.hear_third(Node::first, Role::master, {5, Node::first, Mode::mirrored, 1});
    bench.persisted();
    bench.store(StoreEvent::Kind::following, 0x3000100);
    bench.hear_third(Node::first, Role::master, {5, Node::first, Mode::mirrored, 1});
}

void activate_dr(Bench& bench)
{
    follow_as_dr(bench);
    bench.silence(4000, "takeover");
    bench.command(Command::Kind::activate_force);
}

void give_back(Bench& bench)
{
    activate_dr(bench);
    bench.persisted();
    bench.store(StoreEvent::Kind::primary, 0x3000200);
    bench.hear_third(Node::first, Role::standby, mirrors_dr);
    bench.command(Command::Kind::rejoin);
}

void get_back(Bench& bench)
{
    bench.hear_third(Node::dr, Role::master, of_dr);
    bench.persisted();
    bench.command(Command::Kind::rejoin);
    bench.persisted();
    bench.store(StoreEvent::Kind::following, 0x3000200);
    bench.hear_third(Node::dr, Role::demoting, {dr_era + 1, Node::first, Mode::alone, 1});
    bench.hear_third(Node::dr, Role::undecided, {dr_era + 1, Node::first, Mode::alone, 1});
}

const Case of_the_standby[] = {
    {"a takeover by the rule of the pair shows silence, promise and probe",
     "takeover_by_the_pair_rule", "takeover", pair_only(), nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.silence(2000, "takeover");
     }},
    {"a standby without probes names the setting that would let it claim", "refusal_without_probes",
     "waiting", without_probes(), nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.silence(5000, "waiting");
     }},
    {"a standby whose probes do not answer is the isolated one", "refusal_by_the_probe", "waiting",
     pair_only(), nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.silence(5000, "waiting", Probes::silent);
     }},
    {"a refusal of the witness shows what it holds", "refusal_by_the_witness", "waiting",
     with_witness(), nothing,
     [](Bench& bench) {
         ask_witness(bench);
         bench.witness(WitnessAnswer::Kind::refused, {4, 2, Node::second});
     }},
    {"a leave of the witness is part of the takeover", "takeover_with_leave_of_the_witness",
     "takeover", with_witness(), nothing,
     [](Bench& bench) {
         ask_witness(bench);
         bench.witness(WitnessAnswer::Kind::granted);
     }},
    {"a fence that does not confirm keeps a standby where it is", "refusal_by_the_fence", "waiting",
     with_fence(), nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.silence(5000, "fence");
         bench.fence(FenceAnswer::Kind::failed);
     }},
    {"a fence that does not confirm counts also after the witness gave its leave",
     "refusal_by_the_fence_after_the_witness", "waiting", with_both(), nothing,
     [](Bench& bench) {
         ask_witness(bench);
         bench.witness(WitnessAnswer::Kind::granted);
         bench.fence(FenceAnswer::Kind::failed);
     }},
    {"a takeover with witness and fence shows both", "takeover_with_witness_and_fence", "takeover",
     with_both(), nothing,
     [](Bench& bench) {
         ask_witness(bench);
         bench.witness(WitnessAnswer::Kind::granted);
         bench.fence(FenceAnswer::Kind::confirmed);
     }},
    {"an order to the fence says what it waited for", "fence_ordered", "fence", with_fence(),
     nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.silence(5000, "fence");
     }},
    {"a standby that may not claim any more says after what silence", "standby_lost_by_silence",
     "standby_lost", without_probes(), nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.silence(2000, "standby_lost");
     }},
    {"a standby gives up its right when the master asks, whatever is configured",
     "standby_lost_by_wish", "standby_lost", pair_only(), nothing, lose_by_wish},
    {"a mirror that broke is told with what is tried", "mirror_failed", "store_failed", pair_only(),
     nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.store(StoreEvent::Kind::failed);
     }},
    {"a refused activation says what is missing", "refused_activation", "refused", pair_only(),
     nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.command(Command::Kind::activate);
     }},
    {"a forced activation is an operator's word that no setting changes", "forced_activation",
     "takeover", pair_only(), theirs,
     [](Bench& bench) {
         bench.pass(1200);
         bench.command(Command::Kind::activate_force);
     }},
    {"a node that did not run says so and believes nothing it knew", "freeze", "freeze",
     pair_only(), nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.pass(620);
     }},
    {"a store that does not start as primary ends the claim", "claim_failed", "claim_failed",
     pair_only(), was_master, fail_claim},
};

const Case of_the_master[] = {
    {"a master whose lease ran out shows its age and the limits", "lease_ran_out", "self_fence",
     pair_only(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.silence(2000, "self_fence", Probes::silent);
     }},
    {"a master that its guard ended shows the guard", "guard_fired", "self_fence", pair_only(),
     was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.pass(80);
         bench.freeze(900);
     }},
    {"a master that went alone says what let it", "went_alone", "mode_alone", pair_only(),
     was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.silence(2000, "mode_alone");
     }},
    {"a master that the witness refuses ends its role", "lease_refused_by_the_witness",
     "self_fence", with_witness(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.until_asked(5000);
         bench.witness(WitnessAnswer::Kind::refused, {5, 2, Node::second});
     }},
    {"a master without an answer of the witness ends its role in time", "lease_without_the_witness",
     "self_fence", with_witness(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.silence(2000, "self_fence");
     }},
    {"a master that the witness lets go on says so", "went_alone_by_the_witness", "mode_alone",
     with_witness(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.until_asked(5000);
         bench.witness(WitnessAnswer::Kind::granted);
     }},
    {"a master whose peer is switched off goes on", "went_alone_by_the_fence", "mode_alone",
     with_fence(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.until_asked(5000);
         bench.fence(FenceAnswer::Kind::confirmed);
     }},
    {"a master whose standby leaves goes alone with its consent", "went_alone_by_consent",
     "mode_alone", pair_only(), was_master, standby_leaves},
    {"a master tells from when on commits wait for the peer", "mode_mirrored", "mode_mirrored",
     pair_only(), was_master, become_master},
    {"work is suspended before the master has to decide", "suspended", "suspended", pair_only(),
     was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.silence(2000, "suspended");
     }},
    {"a store that died under the master ends the role", "store_failed", "store_failed",
     pair_only(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.store(StoreEvent::Kind::failed);
     }},
    {"a hand-over shows the way to the point of no return", "hand_over_started", "handover_started",
     pair_only(), was_master, start_hand_over},
    {"the point of no return is told", "handed_over", "demotion", pair_only(), was_master,
     hand_over},
    {"a hand-over that was undone names its limits", "hand_over_undone", "handover_undone",
     pair_only(), was_master,
     [](Bench& bench) {
         start_hand_over(bench);
         bench.silence(1000, "handover_undone");
     }},
    {"a newer epoch of the peer ends a master, whatever is configured", "newer_epoch", "demotion",
     pair_only(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.hear(Role::master, {6, Node::second, Mode::alone, 0});
     }},
};

const Case with_a_dr_node[] = {
    {"a master that yields to the dr node shows that node", "yields_to_the_dr_node", "demotion",
     pair_only(), was_master,
     [](Bench& bench) {
         become_master(bench);
         bench.hear_third(Node::dr, Role::claiming, of_dr);
     }},
    {"a standby that yields to the dr node shows that node", "standby_yields_to_the_dr_node",
     "waiting", pair_only(), nothing,
     [](Bench& bench) {
         become_standby(bench);
         bench.hear_third(Node::dr, Role::claiming, of_dr);
     }},
    {"the activated dr node shows both nodes of the pair", "dr_node_activated", "takeover",
     dr_node(), nothing, activate_dr},
    {"a dr node that gives its role back shows who gets it", "dr_node_gives_back",
     "handover_started", dr_node(), nothing, give_back},
    {"who gets the role from the dr node shows that it gave it", "dr_node_gave_back", "takeover",
     pair_only(), theirs, get_back},
};

} // namespace

Settings pair_only()
{
    return {.self = Node::first, .boot = 5, .probes_configured = true, .guard = true};
}

Settings with_witness()
{
    Settings settings = pair_only();
    settings.witness = true;
    return settings;
}

Settings with_fence()
{
    Settings settings = pair_only();
    settings.fence = true;
    settings.fence_delay = 200;
    return settings;
}

const std::vector<Case>& cases()
{
    static const std::vector<Case> all = [] {
        std::vector<Case> list;
        list.insert(list.end(), std::begin(of_the_standby), std::end(of_the_standby));
        list.insert(list.end(), std::begin(of_the_master), std::end(of_the_master));
        list.insert(list.end(), std::begin(with_a_dr_node), std::end(with_a_dr_node));
        return list;
    }();
    return all;
}

} // namespace roleswap::core::test
