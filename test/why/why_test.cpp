#include "bench.hpp"
#include "text.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace roleswap::core;
using namespace roleswap::core::test;

namespace {

std::string read(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// With ROLESWAP_GOLDEN=write the file is made anew, to be looked at in the difference.
void check_golden(const std::string& name, const std::string& text)
{
    const std::string path = std::string(GOLDEN) + "/" + name + ".txt";
    const char* mode = std::getenv("ROLESWAP_GOLDEN");
    if (mode && std::string_view(mode) == "write") std::ofstream(path) << text;
    CHECK(text == read(path));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(roleswap::cli::columns(line) <= 80);
    }
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

} // namespace

TEST_CASE("a takeover by the rule of the pair shows silence, promise and probe", "[why]")
{
    Bench bench = standby(pair_only());
    REQUIRE(bench.silence(2000, "takeover"));
    check_golden("takeover_by_the_pair_rule", bench.why("takeover"));
}

TEST_CASE("a standby without probes names the setting that would let it claim", "[why]")
{
    Settings settings = pair_only();
    settings.probes_configured = false;
    Bench bench = standby(settings);
    REQUIRE(bench.silence(1400, "waiting"));
    check_golden("refusal_without_probes", bench.why("waiting"));
}

TEST_CASE("a standby whose probes do not answer is the isolated one", "[why]")
{
    Bench bench = standby(pair_only());
    REQUIRE(bench.silence(1400, "waiting", Bench::Probes::silent));
    check_golden("refusal_by_the_probe", bench.why("waiting"));
}

TEST_CASE("a refusal of the witness shows what it holds", "[why]")
{
    Bench bench = standby(with_witness());
    REQUIRE_FALSE(bench.silence(1200, "takeover"));
    REQUIRE(bench.state.asking);
    bench.witness(WitnessAnswer::Kind::refused, {4, 2, Node::second});
    check_golden("refusal_by_the_witness", bench.why("waiting"));
}

TEST_CASE("a leave of the witness is part of the takeover", "[why]")
{
    Bench bench = standby(with_witness());
    REQUIRE_FALSE(bench.silence(1200, "takeover"));
    bench.witness(WitnessAnswer::Kind::granted);
    check_golden("takeover_with_leave_of_the_witness", bench.why("takeover"));
}

TEST_CASE("a fence that does not confirm keeps a standby where it is", "[why]")
{
    Bench bench = standby(with_fence());
    REQUIRE(bench.silence(1400, "fence"));
    bench.fence(FenceAnswer::Kind::failed);
    check_golden("refusal_by_the_fence", bench.why("waiting"));
}

TEST_CASE("a standby on hold says how to end it", "[why]")
{
    Bench bench = standby(pair_only());
    bench.command(Command::Kind::hold_takeover);
    REQUIRE_FALSE(bench.silence(1200, "takeover"));
    check_golden("now_on_hold", bench.why_now());
}

TEST_CASE("a master whose lease ran out shows its age and the limits", "[why]")
{
    Bench bench = master(pair_only());
    REQUIRE(bench.silence(2000, "self_fence", Bench::Probes::silent));
    check_golden("lease_ran_out", bench.why("self_fence"));
}

TEST_CASE("a master that its guard ended shows the guard", "[why]")
{
    Bench bench = master(pair_only());
    bench.pass(80);
    bench.step(GuardEvent{GuardEvent::Kind::fired});
    check_golden("guard_fired", bench.why("self_fence"));
}

TEST_CASE("a master that went alone says what let it", "[why]")
{
    Bench bench = master(pair_only());
    REQUIRE(bench.silence(2000, "mode_alone"));
    check_golden("went_alone", bench.why("mode_alone"));
}

TEST_CASE("a master whose standby leaves goes alone with its consent", "[why]")
{
    Bench bench = master(pair_only());
    Message message = bench.message(Role::standby, bench.state.record);
    message.leaving = true;
    bench.hear(message);
    bench.pass(40);
    Record gave_up = bench.state.record;
    gave_up.mode = Mode::alone;
    message = bench.message(Role::standby, gave_up);
    message.leaving = true;
    bench.hear(message);
    check_golden("went_alone_by_consent", bench.why("mode_alone"));
}

TEST_CASE("a hand-over shows the way to the point of no return", "[why]")
{
    Bench bench = master(pair_only());
    bench.command(Command::Kind::hand_over);
    check_golden("hand_over_started", bench.why("handover_started"));
    bench.store(StoreEvent::Kind::frozen, 0x3000148);
    bench.step(TasksDead{});
    bench.persisted();
    check_golden("handed_over", bench.why("demotion"));
}

TEST_CASE("a hand-over that was undone names its limits", "[why]")
{
    Bench bench = master(pair_only());
    bench.command(Command::Kind::hand_over);
    REQUIRE(bench.silence(1000, "handover_undone"));
    check_golden("hand_over_undone", bench.why("handover_undone"));
}

TEST_CASE("a forced activation is an operator's word that no setting changes", "[why]")
{
    Bench bench(pair_only(), {4, Node::second, Mode::alone, 0});
    bench.pass(1200);
    bench.command(Command::Kind::activate_force);
    check_golden("forced_activation", bench.why("takeover"));
}

TEST_CASE("a refused activation says what is missing", "[why]")
{
    Bench bench = standby(pair_only());
    bench.command(Command::Kind::activate);
    check_golden("refused_activation", bench.why("refused"));
}

TEST_CASE("a newer epoch of the peer ends a master, whatever is configured", "[why]")
{
    Bench bench = master(pair_only());
    bench.hear(Role::master, {6, Node::second, Mode::alone, 0});
    check_golden("newer_epoch", bench.why("demotion"));
}

TEST_CASE("the present of a master and of a standby", "[why]")
{
    Bench leads = master(with_fence());
    leads.pass(40);
    check_golden("now_master", leads.why_now());
    Bench mirrors = standby(with_witness());
    mirrors.pass(40);
    check_golden("now_standby", mirrors.why_now());
}

TEST_CASE("evidence stays small", "[why]")
{
    Bench bench = standby(with_witness());
    REQUIRE_FALSE(bench.silence(1200, "takeover"));
    bench.witness(WitnessAnswer::Kind::granted);
    CHECK(evidence_now(bench.state).knobs.size() <= 6);
    CHECK(bench.why("takeover").size() < 4000);
}
