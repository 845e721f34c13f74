#include "evidence_json.hpp"
#include <nlohmann/json.hpp>

namespace roleswap::daemon {
namespace {

using nlohmann::json;
using Said = core::Evidence::Witness::Said;

constexpr std::size_t value_bytes_max = 120; ///< of a setting, so that no list of it fills the log

const std::string& name_of(const Names& names, core::Node node)
{
    return names.nodes.at(static_cast<std::size_t>(node));
}

json record_json(const core::Record& record, const Names& names)
{
    json object{{"epoch", record.epoch}, {"round", record.round}, {"mode", to_string(record.mode)}};
    if (record.epoch > 0) object["master"] = name_of(names, record.master);
    return object;
}

json peer_json(const core::Evidence::Peer& peer, const Names& names)
{
    json object{{"heard_ms", peer.heard_ago},
                {"silence_ms", peer.silence},
                {"answer_ms", nullptr},
                {"role", to_string(peer.role)},
                {"record", record_json(peer.record, names)},
                {"store", to_string(peer.store)},
                {"position", base::to_string(peer.position)},
                {"leaving", peer.leaving},
                {"hold", peer.hold}};
    if (peer.answer_age) object["answer_ms"] = *peer.answer_age;
    return object;
}

json thirds_json(const std::vector<core::Evidence::Third>& thirds, const Names& names)
{
    json list = json::array();
    for (const auto& third : thirds) {
        list.push_back({{"name", name_of(names, third.node)}, {"heard_ms", nullptr}});
        if (!third.heard) continue;
        list.back().update({{"heard_ms", third.heard_ago},
                            {"silence_ms", third.silence},
                            {"role", to_string(third.role)},
                            {"record", record_json(third.record, names)},
                            {"store", to_string(third.store)},
                            {"position", base::to_string(third.position)},
                            {"leaving", third.leaving}});
    }
    return list;
}

json rule_json(std::uint8_t index)
{
    if (index >= std::size(core::rules)) return nullptr;
    const auto& rule = core::rules[index];
    return {{"from", to_string(rule.from)},
            {"event", to_string(rule.event)},
            {"to", to_string(rule.to)},
            {"why", rule.why}};
}

json links_json(const std::vector<LinkMoment>& links)
{
    json list = json::array();
    for (const auto& link : links) {
        list.push_back({{"node", link.node},
                        {"name", link.name},
                        {"state", link.up ? "up" : "down"},
                        {"heard_ms", nullptr}});
        if (link.heard_ms) list.back()["heard_ms"] = *link.heard_ms;
    }
    return list;
}

/// The core knows that something is configured, the names know what.
std::string value_of(const core::Knob& knob, const Names& names)
{
    if (knob.value != "configured") return knob.value;
    const auto& value = knob.setting == "[pair] probes" ? names.probes
                        : knob.setting == "[witness]"   ? names.witness
                                                        : names.fence;
    if (value.empty()) return knob.value;
    return value.size() <= value_bytes_max ? value : value.substr(0, value_bytes_max) + "...";
}

json knobs_json(const std::vector<core::Knob>& knobs, const Names& names)
{
    json list = json::array();
    for (const auto& knob : knobs)
        list.push_back(
            {{"setting", knob.setting}, {"value", value_of(knob, names)}, {"effect", knob.effect}});
    return list;
}

json witness_json(const core::Evidence::Witness& witness, const Names& names)
{
    json object{{"answer", to_string(witness.said)}};
    if (witness.said == Said::refused)
        object["holds"] = {{"epoch", witness.found.epoch},
                           {"round", witness.found.round},
                           {"master", name_of(names, witness.found.master)}};
    return object;
}

json guard_json(const core::Evidence::Guard& guard)
{
    json object{{"ready", guard.ready}, {"fired", guard.fired}, {"deadline_ms", nullptr}};
    if (guard.deadline_in) object["deadline_ms"] = *guard.deadline_in;
    return object;
}

} // namespace

json to_json(const core::Evidence& evidence, const std::vector<LinkMoment>& links,
             const Names& names)
{
    json object{{"role", to_string(evidence.role)},
                {"role_ms", evidence.role_for},
                {"rule", rule_json(evidence.rule)},
                {"record", record_json(evidence.record, names)},
                {"in_sync", evidence.in_sync},
                {"hold", evidence.hold},
                {"suspended", evidence.suspended},
                {"store", to_string(evidence.store)},
                {"position", base::to_string(evidence.position)},
                {"settings", knobs_json(evidence.knobs, names)},
                {"links", links_json(links)}};
    if (evidence.peer) object["peer"] = peer_json(*evidence.peer, names);
    if (!evidence.thirds.empty()) object["thirds"] = thirds_json(evidence.thirds, names);
    if (const auto& lease = evidence.lease)
        object["lease"] = {{"age_ms", lease->age},
                           {"suspend_ms", lease->suspend_at},
                           {"decide_ms", lease->decide_at},
                           {"claim_ms", lease->claim_at}};
    if (evidence.promise) object["promise_ms"] = *evidence.promise;
    if (const auto& probe = evidence.probe)
        object["probe"] = {{"asked", probe->asked},
                           {"answered", probe->answered},
                           {"reached", probe->reached},
                           {"misses", probe->misses},
                           {"was_cut_off", probe->was_cut_off}};
    if (evidence.witness) object["witness"] = witness_json(*evidence.witness, names);
    if (evidence.fence) object["fence"] = to_string(*evidence.fence);
    if (evidence.guard) object["guard"] = guard_json(*evidence.guard);
    return object;
}

} // namespace roleswap::daemon
