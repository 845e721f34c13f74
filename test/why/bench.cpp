#include "bench.hpp"
#include "evidence_json.hpp"
#include "render.hpp"
#include <algorithm>
#include <nlohmann/json.hpp>

namespace roleswap::core::test {
namespace {

using nlohmann::json;

constexpr Record none{};
const Record theirs_alone{4, Node::second, Mode::alone, 0};
const Record theirs_mirrored{4, Node::second, Mode::mirrored, 1};

const daemon::Names names{{"left", "right", "far"}, "10.0.0.254", "https://10.0.3.1:2379", "agent"};

const std::string& name_of(Node node)
{
    return names.nodes.at(static_cast<std::size_t>(node));
}

daemon::LinkMoment cable(Node to, const char* name, std::optional<std::int64_t> heard)
{
    return {name_of(to), name, heard && *heard < 120, heard};
}

/// What the transports of the daemon would tell: two cables to the peer, one to each other node,
/// heard as that was.
json evidence_json(const Evidence& evidence)
{
    std::vector<daemon::LinkMoment> links;
    if (evidence.thirds.size() < 2) {
        std::optional<std::int64_t> heard;
        if (evidence.peer) heard = static_cast<std::int64_t>(evidence.peer->heard_ago);
        links = {cable(Node::second, "lan-a", heard), cable(Node::second, "lan-b", {})};
    }
    for (const auto& third : evidence.thirds) {
        std::optional<std::int64_t> heard;
        if (third.heard) heard = static_cast<std::int64_t>(third.heard_ago);
        links.push_back(cable(third.node, "lan-a", heard));
    }
    return to_json(evidence, links, names);
}

} // namespace

Bench::Bench(const Settings& settings, const Record& disk, const Otherwise& otherwise)
    : state(boot(settings, disk)), otherwise_(otherwise)
{
    state.hold = otherwise.hold.value_or(false);
    pass(10);
    if (settings.guard) step(GuardEvent{GuardEvent::Kind::ready});
}

void Bench::step(const Input& input)
{
    const State before = state;
    const Effects effects = core::step(state, input);
    for (const auto& effect : effects)
        if (const auto* told = std::get_if<Notify>(&effect))
            told_.push_back({std::string(told->what), state.now, told->why,
                             evidence_of(before, state, input, *told)});
    answer_probe(effects);
    answer_thirds(effects);
}

void Bench::answer_probe(const Effects& effects)
{
    const auto probes = otherwise_.probes.value_or(probes_);
    for (const auto& effect : effects)
        if (std::holds_alternative<Probe>(effect))
            step(ProbeAnswer{probes == Probes::answer ? ProbeAnswer::Kind::reached
                                                      : ProbeAnswer::Kind::none_reached});
}

void Bench::answer_thirds(const Effects& effects)
{
    for (const auto& effect : effects) {
        const auto* asked = std::get_if<WitnessAsk>(&effect);
        const auto* ordered = std::get_if<FencePeer>(&effect);
        if (asked && otherwise_.witness)
            step(WitnessAnswer{asked->ticket, *otherwise_.witness,
                               Verdict{state.record.epoch, 99, Node::second}});
        if (ordered && otherwise_.fence) step(FenceAnswer{ordered->ticket, *otherwise_.fence});
    }
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

void Bench::until_asked(Ticks ticks)
{
    for (Ticks passed = 0; passed < ticks && !state.asking; passed += 40) pass(40);
}

/// A guard that fired is heard of before the time that passed.
void Bench::freeze(Ticks ticks)
{
    if (state.guard_until <= state.now + ticks) step(GuardEvent{GuardEvent::Kind::fired});
    pass(ticks);
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
    message.hold = otherwise_.peer_hold.value_or(false);
    if (role == Role::standby) message.store = StoreState::following;
    if (role == Role::master) message.store = StoreState::primary;
    return message;
}

void Bench::hear(const Message& heard)
{
    sequence_ = heard.sequence;
    step(Heard{heard});
}

void Bench::hear_third(Node from, Role role, const Record& record)
{
    const Message heard = message(role, record);
    sequence_ = heard.sequence;
    step(HeardThird{from, heard});
}

void Bench::command(Command::Kind kind)
{
    if (kind == Command::Kind::hold_takeover && otherwise_.hold) return;
    step(Command{7, kind, "the rack burns"});
}

void Bench::store(StoreEvent::Kind kind, std::uint64_t position)
{
    step(StoreEvent{kind, {position}});
}

void Bench::witness(WitnessAnswer::Kind kind, const Verdict& found)
{
    if (state.asking && state.asking->whom == Asking::Whom::witness)
        step(WitnessAnswer{state.third_ticket, kind, found});
}

void Bench::fence(FenceAnswer::Kind kind)
{
    if (state.asking && state.asking->whom == Asking::Whom::fence)
        step(FenceAnswer{state.third_ticket, kind});
}

const Bench::Told* Bench::find(std::string_view what) const
{
    const auto told = std::find_if(told_.rbegin(), told_.rend(),
                                   [&](const auto& one) { return one.what == what; });
    return told == told_.rend() ? nullptr : &*told;
}

bool Bench::decided(const Told& one) const
{
    return std::ranges::any_of(told_, [&](const auto& told) {
        return told.what == one.what && told.at == one.at &&
               told.evidence.rule == one.evidence.rule;
    });
}

std::string Bench::why(std::string_view what) const
{
    const auto* told = find(what);
    if (told == nullptr) return "nothing was told of " + std::string(what) + "\n";
    const auto& node = name_of(state.settings.self);
    const json event{
        {"node", node},           {"seq", 118},       {"at", "2026-11-22T15:04:05.678Z"},
        {"what", told->what},     {"why", told->why}, {"evidence", evidence_json(told->evidence)},
        {"before", json::array()}};
    return cli::render_why({{"node", node}, {"decisions", {event}}}, cli::Style{});
}

std::string Bench::why_now() const
{
    json now = evidence_json(evidence_now(state));
    now["waits"] = why_waiting(state);
    return cli::render_why(
        {{"node", name_of(state.settings.self)}, {"now", now}, {"decisions", json::array()}},
        cli::Style{});
}

void become_standby(Bench& bench)
{
    bench.hear(Role::master, theirs_alone);
    bench.persisted();
    bench.store(StoreEvent::Kind::following, 0x3000148);
    bench.hear(Role::master, theirs_mirrored);
    bench.persisted();
    bench.hear(Role::master, theirs_mirrored);
}

void become_master(Bench& bench)
{
    bench.hear(Role::undecided, none);
    bench.persisted();
    bench.store(StoreEvent::Kind::primary, 0x3000060);
    bench.hear(Role::standby, bench.state.record);
    bench.store(StoreEvent::Kind::in_sync, 0x3000148);
    bench.persisted();
    bench.hear(Role::standby, bench.state.record);
}

} // namespace roleswap::core::test
