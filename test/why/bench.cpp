#include "bench.hpp"
#include "evidence_json.hpp"
#include "render.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace roleswap::core::test {
namespace {

using nlohmann::json;

constexpr Record none{};
const Record theirs_alone{4, Node::second, Mode::alone, 0};
const Record theirs_mirrored{4, Node::second, Mode::mirrored, 1};

const daemon::Names names{{"left", "right", "far"}, "10.0.0.254", "https://10.0.3.1:2379", "agent"};

/// What the transport of the daemon would tell: two cables, heard as the peer was.
json evidence_json(const Evidence& evidence)
{
    std::optional<std::int64_t> heard;
    if (evidence.peer) heard = static_cast<std::int64_t>(evidence.peer->heard_ago);
    return to_json(evidence, {{"lan-a", heard && *heard < 120, heard}, {"lan-b", false, {}}},
                   names);
}

} // namespace

Settings pair_only()
{
    return {.self = Node::first, .boot = 5, .probes_configured = true, .guard = true};
}

Bench::Bench(const Settings& settings, const Record& disk) : state(boot(settings, disk))
{
    pass(10);
    if (settings.guard) step(GuardEvent{GuardEvent::Kind::ready});
}

void Bench::step(const Input& input)
{
    const State before = state;
    const Effects effects = core::step(state, input);
    for (const auto& effect : effects)
        if (const auto* told = std::get_if<Notify>(&effect))
            told_.push_back(
                {std::string(told->what), told->why, evidence_of(before, state, input, *told)});
    answer_probe(effects);
}

void Bench::answer_probe(const Effects& effects)
{
    for (const auto& effect : effects)
        if (std::holds_alternative<Probe>(effect))
            step(ProbeAnswer{probes_ == Probes::answer ? ProbeAnswer::Kind::reached
                                                       : ProbeAnswer::Kind::none_reached});
}

void Bench::pass(Ticks ticks)
{
    step(Elapsed{ticks});
}

bool Bench::silence(Ticks ticks, std::string_view what, Probes probes)
{
    probes_ = probes;
    const auto before = told_.size();
    for (Ticks passed = 0; passed < ticks; passed += 40) {
        pass(40);
        for (auto index = before; index < told_.size(); ++index)
            if (told_[index].what == what) return true;
    }
    return false;
}

Message Bench::message(Role role, const Record& record) const
{
    Message message{.boot = 9,
                    .sequence = sequence_ + 1,
                    .sent_at = sequence_,
                    .echo_boot = state.settings.boot,
                    .echo_sequence = state.sequence,
                    .echo_sent_at = state.sent_at,
                    .role = role,
                    .record = record};
    message.position = base::Lsn{0x3000148};
    if (role == Role::standby) message.store = StoreState::following;
    if (role == Role::master) message.store = StoreState::primary;
    return message;
}

void Bench::hear(const Message& heard)
{
    sequence_ = heard.sequence;
    step(Heard{heard});
}

void Bench::store(StoreEvent::Kind kind, std::uint64_t position)
{
    step(StoreEvent{kind, {position}});
}

void Bench::witness(WitnessAnswer::Kind kind, const Verdict& found)
{
    step(WitnessAnswer{state.third_ticket, kind, found});
}

void Bench::fence(FenceAnswer::Kind kind)
{
    step(FenceAnswer{state.third_ticket, kind});
}

std::string Bench::why(std::string_view what) const
{
    const auto told = std::find_if(told_.rbegin(), told_.rend(),
                                   [&](const auto& one) { return one.what == what; });
    if (told == told_.rend()) return "nothing was told of " + std::string(what) + "\n";
    const json event{
        {"node", "left"},         {"seq", 118},       {"at", "2026-11-22T15:04:05.678Z"},
        {"what", told->what},     {"why", told->why}, {"evidence", evidence_json(told->evidence)},
        {"before", json::array()}};
    return cli::render_why({{"node", "left"}, {"decisions", {event}}}, cli::Style{});
}

std::string Bench::why_now() const
{
    json now = evidence_json(evidence_now(state));
    now["waits"] = why_waiting(state);
    return cli::render_why({{"node", "left"}, {"now", now}, {"decisions", json::array()}},
                           cli::Style{});
}

Bench standby(Settings settings)
{
    Bench bench(settings, none);
    bench.hear(Role::master, theirs_alone);
    bench.persisted();
    bench.store(StoreEvent::Kind::following, 0x3000148);
    bench.hear(Role::master, theirs_mirrored);
    bench.persisted();
    bench.hear(Role::master, theirs_mirrored);
    REQUIRE(bench.state.in_sync);
    return bench;
}

Bench master(Settings settings)
{
    Bench bench(settings, {3, Node::first, Mode::alone, 0});
    bench.hear(Role::undecided, none);
    bench.persisted();
    bench.store(StoreEvent::Kind::primary, 0x3000060);
    bench.hear(Role::standby, bench.state.record);
    bench.store(StoreEvent::Kind::in_sync, 0x3000148);
    bench.persisted();
    bench.hear(Role::standby, bench.state.record);
    REQUIRE(bench.state.role == Role::master);
    REQUIRE(bench.state.peer_may_claim);
    return bench;
}

} // namespace roleswap::core::test
