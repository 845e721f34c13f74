#include "cases.hpp"
#include <algorithm>
#include <catch2/catch.hpp>

namespace roleswap::knobs_test {

/// `roleswap why` names the settings that would have changed a decision.  Here each of them is
/// really set otherwise and the case is played again.
using namespace core;
using namespace core::test;

namespace {

struct Change {
    std::string knob; ///< as `why` names it
    std::string value;
    Settings settings;
    Otherwise otherwise{};
};

Settings set(Settings settings, bool Settings::*member, bool value)
{
    settings.*member = value;
    return settings;
}

void add_delays(std::vector<Change>& list, const Settings& settings)
{
    Settings longer = settings;
    longer.takeover_delay *= 3;
    list.push_back({"[pair] takeover_delay", "three times as long", longer});
    Settings shorter = settings;
    shorter.takeover_delay = 600;
    list.push_back({"[pair] takeover_delay", "600 ms", shorter});
    Settings fence_later = settings;
    fence_later.fence_delay = settings.fence_delay + 3000;
    list.push_back({"[fence] delay", "3 s more", fence_later});
}

void add_probes(std::vector<Change>& list, const Settings& settings)
{
    const auto with = set(settings, &Settings::probes_configured, true);
    const auto without = set(settings, &Settings::probes_configured, false);
    list.push_back({"[pair] probes", "none", without});
    list.push_back({"[pair] probes", "one that answers", with, {.probes = Probes::answer}});
    list.push_back({"[pair] probes", "one that does not", with, {.probes = Probes::silent}});
}

void add_thirds(std::vector<Change>& list, const Settings& settings)
{
    list.push_back({"[witness]", "none", set(settings, &Settings::witness, false)});
    const auto witness = set(settings, &Settings::witness, true);
    for (const auto kind : {WitnessAnswer::Kind::granted, WitnessAnswer::Kind::refused,
                            WitnessAnswer::Kind::unreachable})
        list.push_back({"[witness]", "one that answers otherwise", witness, {.witness = kind}});
    list.push_back({"[fence]", "none", set(settings, &Settings::fence, false)});
    const auto fence = set(settings, &Settings::fence, true);
    for (const auto kind : {FenceAnswer::Kind::confirmed, FenceAnswer::Kind::failed})
        list.push_back({"[fence]", "one that answers otherwise", fence, {.fence = kind}});
}

std::vector<Change> changes(const Settings& settings)
{
    std::vector<Change> list;
    add_delays(list, settings);
    add_probes(list, settings);
    add_thirds(list, settings);
    for (const bool held : {true, false}) {
        list.push_back({"roleswap takeover hold", held ? "held" : "released", settings,
                        Otherwise{.hold = held}});
        list.push_back({"roleswap takeover hold, on the peer", held ? "held" : "released", settings,
                        Otherwise{.peer_hold = held}});
    }
    return list;
}

/// The same decision, at the same moment, with that changed.  To wait is to keep the role.
bool stands(const Case& one, const Bench::Told& decision, const Change& change)
{
    Bench again(change.settings, one.disk, change.otherwise);
    one.play(again);
    return decision.what == "waiting" ? again.state.role == decision.evidence.role
                                      : again.decided(decision);
}

template <class Check> void each_decision(const Check& check)
{
    for (const auto& one : cases()) {
        INFO(one.says);
        Bench bench(one.settings, one.disk);
        one.play(bench);
        const auto* decision = bench.find(one.what);
        REQUIRE(decision != nullptr);
        check(one, *decision);
    }
}

bool is_named(const Bench::Told& decision, const std::string& setting)
{
    const auto& knobs = decision.evidence.knobs;
    return std::ranges::find(knobs, setting, &Knob::setting) != knobs.end();
}

/// Some value of that setting leads to another decision.
bool would_change(const Case& one, const Bench::Told& decision, const std::string& setting)
{
    return std::ranges::any_of(changes(one.settings), [&](const Change& change) {
        return change.knob == setting && !stands(one, decision, change);
    });
}

} // namespace

TEST_CASE("each setting that is named would have changed the decision", "[why]")
{
    each_decision([](const Case& one, const Bench::Told& decision) {
        for (const auto& knob : decision.evidence.knobs) {
            INFO(knob.setting << " = " << knob.value << ": " << knob.effect);
            CHECK(would_change(one, decision, knob.setting));
        }
    });
}

TEST_CASE("a setting that is not named would have changed nothing", "[why]")
{
    each_decision([](const Case& one, const Bench::Told& decision) {
        for (const auto& change : changes(one.settings)) {
            INFO(change.knob << " = " << change.value);
            CHECK((is_named(decision, change.knob) || stands(one, decision, change)));
        }
    });
}

} // namespace roleswap::knobs_test
