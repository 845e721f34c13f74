#include "status.hpp"
#include "announcer.hpp"
#include "base/time_text.hpp"
#include "dr_status.hpp"
#include "fence_status.hpp"
#include "guard_text.hpp"
#include "message_ids.hpp"
#include "readiness.hpp"
#include "safety_facts.hpp"
#include "version.hpp"
#include "witness_view.hpp"

namespace roleswap::daemon {
namespace {

using core::Mode;
using core::Role;
using nlohmann::json;

json last_change(const durable::EventLog& log)
{
    const auto& events = log.events();
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        if (is_role_change(event->what))
            return {{"at", event->at}, {"what", event->what}, {"why", event->why}};
    }
    return nullptr;
}

std::string_view kind_of(const config::Node& node)
{
    return node.store == config::Node::Store::external ? "external" : "managed";
}

json store_status(const config::Node& node, const store::Snapshot& store)
{
    json object{{"kind", kind_of(node)},
                {"state", core::to_string(store.state)},
                {"position", base::to_string(store.flushed)},
                {"timeline", store.timeline},
                {"link", store.link},
                {"detail", store.detail}};
    if (!node.store_unit.empty()) object["unit"] = node.store_unit;
    if (store.version > 0) object["postgres"] = store.version;
    if (store.copy_bytes_total > 0) {
        object["copy"] = {{"done", store.copy_done},
                          {"bytes", store.copy_bytes},
                          {"bytes_total", store.copy_bytes_total},
                          {"bytes_per_second", static_cast<std::uint64_t>(store.copy_rate)},
                          {"left_ms", static_cast<std::uint64_t>(store.copy_seconds_left * 1000)}};
    }
    if (!store.refused.empty()) object["refused"] = store.refused;
    if (!store.way.empty()) object["rejoin"] = {{"way", store.way}, {"why", store.way_why}};
    return object;
}

/// One sentence of the state of the mirror.
std::string replication_state(const Context& context, const store::Snapshot& store)
{
    if (context.driver.state().record.mode == Mode::mirrored) return "mirrored";
    return store.streaming ? "catching up" : "alone";
}

json replication_status(const Context& context)
{
    const auto store = context.store.snapshot();
    return {{"state", replication_state(context, store)},
            {"pending_bytes", store.pending ? json(*store.pending) : json()},
            {"follows", store.streaming},
            {"pending_requests", context.engine.pending_requests()},
            {"link", store.link},
            {"sync_state", store.sync_state}};
}

json link_status(const link::LinkStatus& link, const std::string& in_use)
{
    json object{{"name", link.name},
                {"state", link::to_string(link.state)},
                {"rtt_ms", nullptr},
                {"loss_percent", link.loss() * 100.0},
                {"local", link.local},
                {"remote", link.remote},
                {"device", link.device},
                {"kind", link.baud > 0 ? "serial" : "udp"},
                {"interval_ms", link.interval.count() / 1000},
                {"in_use", link.name == in_use},
                {"trouble", link.trouble},
                {"sent", link.sent.datagrams},
                {"received", link.received.datagrams},
                {"send_errors", link.send_errors}};
    if (link.rtt_ms) object["rtt_ms"] = *link.rtt_ms;
    json rejected = json::object();
    for (std::size_t i = 0; i < link::rejections; ++i) {
        if (link.rejected.at(i) > 0)
            rejected[std::string(link::to_string(static_cast<link::Rejection>(i)))] =
                link.rejected.at(i);
    }
    object["rejected"] = rejected;
    return object;
}

/// What of a node waits for a person: a port for a task, room for a copy, a decision.
void add_store_warnings(json& list, const json& node)
{
    const auto unready = readiness_warning(node.value("name", ""), node.value("readiness", json()));
    if (!unready.empty()) list.push_back(unready);
    const auto refused = node.value("/store/refused"_json_pointer, "");
    if (!refused.empty()) list.push_back("node " + node.value("name", "") + ": " + refused);
    const auto undecided = node.value("/work/history/undecided"_json_pointer, std::uint64_t{0});
    if (undecided > 0)
        list.push_back(std::to_string(undecided) +
                       " runs of the server history wait for a "
                       "decision: \"roleswap history list\", then accept or dismiss");
}

/// What of the work waits for a word of a person.
void add_work_warnings(json& list, const json& node)
{
    const auto runs = node.value("/work/held/runs"_json_pointer, std::uint64_t{0});
    const auto released = node.value("/work/held/released"_json_pointer, std::uint64_t{0});
    if (runs > released)
        list.push_back(std::to_string(runs - released) +
                       " runs are held, because their due times passed while nobody scheduled: "
                       "\"roleswap held list\", then release or drop");
    if (node.value("/work/paused"_json_pointer, json()).is_object())
        list.push_back("everything is paused: \"roleswap resume-all\" ends it");
}

/// Hosts beside the pair that should be there.
void add_agent_warnings(json& list, const json& node)
{
    for (const auto& agent : node.value("/work/agents"_json_pointer, json::array())) {
        if (agent.value("state", "") == "connected") continue;
        const auto runs = agent.value("running", std::uint64_t{0});
        list.push_back("agent " + agent.value("name", "") + " is not connected" +
                       (runs > 0 ? ": it has " + std::to_string(runs) + " runs" : ""));
    }
}

/// The dr node as seen from the pair, and a node of the pair that waits because of it.
void add_third_warnings(json& list, const Context& context, const json& third)
{
    if (third.is_null()) return;
    if (!third.value("reachable", false))
        list.push_back("node " + context.third_node().name + " does not answer");
    const auto digest = third.value("config_digest", context.config_digest);
    if (digest != context.config_digest)
        list.push_back("the configuration file of " + context.third_node().name +
                       " differs; copy one over the other");
    const bool dr_leads =
        third.value("dr", false) && third.value("reachable", false) && third["role"] == "master";
    if (dr_leads) list.push_back("the dr node " + context.third_node().name + " leads, by hand");
    add_store_warnings(list, third);
}

json warnings(const Context& context, const json& self, const json& peer, const json& third)
{
    json list = json::array();
    for (const auto& link : self["links"]) {
        const auto name = "link " + link["name"].get<std::string>();
        const auto trouble = link["trouble"].get<std::string>();
        if (link["state"] == "down")
            list.push_back(name + " is down" + (trouble.empty() ? "" : ": " + trouble));
        if (link["unsteady"] == true) list.push_back(name + " is unsteady: it goes up and down");
    }
    for (const auto* node : {&self, &peer}) {
        const auto trouble = node->value("/guard/trouble"_json_pointer, "");
        if (!trouble.empty())
            list.push_back("guard of " + node->at("name").get<std::string>() + ": " + trouble);
    }
    if (!peer.value("reachable", false))
        list.push_back("node " + context.peer_node().name + " does not answer");
    const auto peer_digest = peer.value("config_digest", context.config_digest);
    if (peer_digest != context.config_digest)
        list.push_back("the configuration files of the two nodes differ; copy one over the other");
    if (const auto trouble = witness_trouble(context); !trouble.empty()) list.push_back(trouble);
    for (const auto* node : {&self, &peer}) {
        if (node->value("takeover_hold", false))
            list.push_back(
                "node " + node->at("name").get<std::string>() +
                " may not take over by itself: \"roleswap takeover release\" there ends it");
    }
    if (context.fence != nullptr) {
        if (const auto trouble = fence_trouble(context)) list.push_back("fence: " + *trouble);
        if (context.fence->status().state == fence::Status::State::waiting)
            list.push_back("switch " + context.peer_node().name +
                           " off, then say \"roleswap fence confirm\"");
    }
    for (const auto* node : {&self, &peer}) {
        add_store_warnings(list, *node);
        add_work_warnings(list, *node);
        add_agent_warnings(list, *node);
    }
    add_third_warnings(list, context, third);
    const auto role = context.driver.state().role;
    if (role != Role::master && role != Role::standby) list.push_back(self["why"]);
    return list;
}

} // namespace

json links_status(const Context& context)
{
    json links = json::array();
    const auto in_use = context.store.snapshot().link;
    for (std::size_t i = 0; i < context.transport.links(); ++i) {
        links.push_back(link_status(context.transport.status(i), in_use));
        links.back()["unsteady"] = context.link_announcer.unsteady(i);
    }
    if (context.third == nullptr) return {{"links", links}};
    const auto& transport = context.third->transport();
    for (std::size_t i = 0; i < transport.links(); ++i) {
        links.push_back(link_status(transport.status(i), ""));
        links.back()["unsteady"] = context.third->link_announcer().unsteady(i);
    }
    return {{"links", links}};
}

json node_status(const Context& context)
{
    const auto& state = context.driver.state();
    const auto record = state.record;
    const auto role = state.role;
    const auto change = last_change(context.log);
    json object{{"name", context.self_node().name},
                {"reachable", true},
                {"role", core::to_string(role)},
                {"epoch", record.epoch},
                {"mode", core::to_string(record.mode)},
                {"in_sync", state.in_sync},
                {"since", change.is_null() ? json(context.started_at) : change["at"]},
                {"boot", context.driver.boot()},
                {"version", version},
                {"store", store_status(context.self_node(), context.store.snapshot())},
                {"last_change", change},
                {"why", core::why_waiting(state)},
                {"takeover_hold", state.hold},
                {"config_digest", context.config_digest},
                {"host_boot_id", work::Engine::host_boot_id()},
                {"started_at", context.started_at},
                {"executor", context.executor.describe()},
                {"tasks_alive", context.executor.alive()},
                {"guard", guard_status(context.guard)}};
    if (context.witness != nullptr) object["witness"] = witness_status(context);
    object["readiness"] = readiness_json(context.bindings.report());
    object["links"] = links_status(context)["links"];
    if (context.fence != nullptr) object["fence"] = fence_status(context);
    object["dr"] = context.is_dr();
    if (context.is_dr() && role == Role::standby) object["role"] = "dr";
    if (const auto lag = dr_lag(context); !lag.is_null()) object["mirror"] = lag;
    if (role == Role::master || role == Role::releasing) {
        object["replication"] = replication_status(context);
        object["work"] = context.engine.status_part();
    }
    return object;
}

namespace {

/// Both nodes of the pair in the order of the configuration, then the dr node.  Where that does not
/// answer, its lag is what the master knows.
json nodes_in_order(const Context& context, json self, json other, json far)
{
    json list = json::array({std::move(self), std::move(other)});
    if (context.self == core::Node::second) std::swap(list[0], list[1]);
    if (!far.is_null()) list.push_back(std::move(far));
    if (context.is_dr()) std::rotate(list.begin(), list.begin() + 1, list.end());
    for (auto& node : list) {
        const bool told = node.contains("mirror") && !node.value("dr", false);
        if (told && !list.back().value("reachable", false)) list.back()["mirror"] = node["mirror"];
    }
    for (auto& node : list) {
        for (const char* part : {"work", "replication"}) node.erase(part);
        if (node.contains("mirror") && node != list.back()) node.erase("mirror");
    }
    return list;
}

} // namespace

json pair_status(const Context& context, const json& peer, const json& third)
{
    auto self = node_status(context);
    auto other = unknown_node(context.peer_node().name);
    other.update(peer);
    auto far = third.is_null() ? json() : unknown_node(context.third_node().name);
    if (!far.is_null()) {
        far["dr"] = !context.is_dr(); // also of one that was never heard
        far.update(third);
    }
    json object{{"schema", 1},
                {"pair", context.config.pair.name},
                {"node", context.self_node().name},
                {"at", wall_now()},
                {"takeover_delay_ms", context.config.pair.takeover_delay.count()},
                {"drain_timeout_ms", context.config.work.drain_timeout.count()}};
    object["links"] = self["links"];
    const auto leads = [](const json& node) {
        return node.contains("work") && node.value("reachable", false);
    };
    const auto& master = self.contains("work") ? self : leads(other) || !leads(far) ? other : far;
    const bool live = leads(master);
    object["replication"] = live ? master["replication"]
                                 : json{{"state", "no master"},
                                        {"pending_bytes", nullptr},
                                        {"follows", false},
                                        {"pending_requests", 0},
                                        {"link", ""}};
    json work{{"queues", json::array()},
              {"scheduler", {{"state", "stopped"}, {"reason", "no master"}}},
              {"tasks", {{"total", 0}, {"enabled", 0}, {"running", 0}, {"next", nullptr}}},
              {"held", nullptr},
              {"paused", nullptr},
              {"operation", nullptr},
              {"agents", json::array()}};
    if (live) work.update(master["work"]);
    object.update(work);
    const auto now = safety_of(safety_facts(context));
    object["guarantees"] = now.holds;
    object["unsafe"] = now.unsafe;
    object["warnings"] = warnings(context, self, other, far);
    object["nodes"] = nodes_in_order(context, std::move(self), std::move(other), std::move(far));
    return object;
}

json pending_status(const Context& context)
{
    const auto replication = replication_status(context);
    return {{"bytes", replication["pending_bytes"]},
            {"requests", replication["pending_requests"]},
            {"follows", replication["follows"]},
            {"state", replication["state"]}};
}

} // namespace roleswap::daemon
