#include "activation.hpp"
#include "base/time_text.hpp"
#include "dr_status.hpp"
#include "fence_status.hpp"
#include "why.hpp"
#include "witness_view.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {
namespace {

using core::Role;
using nlohmann::json;

std::string own_evidence(const Context& context)
{
    const auto& state = context.driver.state();
    const bool standby = state.role == Role::standby;
    return fmt::format("{} is {}{}; its record says epoch {}, {}", context.self_node().name,
                       core::to_string(state.role),
                       !standby ? "" : (state.in_sync ? ", in sync" : ", not in sync"),
                       state.record.epoch, core::to_string(state.record.mode));
}

std::string peer_evidence(const Context& context)
{
    const auto& state = context.driver.state();
    const auto& name = context.peer_node().name;
    const auto ago = core::peer_heard_ago(state);
    if (!ago) return name + " was not heard since this daemon started";
    return fmt::format("{} was heard {} ago as {} of epoch {}", name,
                       base::human_duration(std::chrono::milliseconds(*ago)),
                       core::to_string(state.peer.last.role), state.peer.last.record.epoch);
}

std::string probe_evidence(const Context& context)
{
    const auto& probe = context.driver.state().probe;
    if (context.config.pair.probes.empty()) return "no probe address is configured";
    if (!probe.asked) return "probes are not asked: they are while the peer is silent";
    return probe.reached ? "a probe address answers" : "no probe address answers";
}

std::string link_evidence(const LinkMoment& link)
{
    const std::string heard =
        link.heard_ms ? fmt::format("heard {} ago",
                                    base::human_duration(std::chrono::milliseconds(*link.heard_ms)))
                      : "never heard";
    return fmt::format("{} to {} is {}, {}", link.name, link.node, link.up ? "up" : "down", heard);
}

std::string guard_evidence(const Context& context)
{
    const auto guard = context.guard.snapshot();
    return guard.running ? "the guard of this daemon watches"
                         : "no guard watches this daemon: " + guard.trouble;
}

/// What counts on every kind of node: each link, and whoever else is asked or watches.
json common_evidence(const Context& context)
{
    json list = json::array();
    for (const auto& link : link_moments(context)) list.push_back(link_evidence(link));
    if (context.witness != nullptr) {
        const auto trouble = witness_trouble(context);
        list.push_back(trouble.empty() ? "the witness answers and holds nothing newer" : trouble);
    }
    if (context.fence != nullptr) list.push_back("fence: " + fence_look_text(context));
    list.push_back(guard_evidence(context));
    return list;
}

} // namespace

json activation_check(const Context& context, core::Command::Kind kind)
{
    const auto& state = context.driver.state();
    const bool master = state.role == Role::master;
    const auto refusal = core::activate_refusal(state, kind);
    const auto why = master ? "this node is master already" : refusal;
    auto evidence = context.is_dr() ? dr_evidence(context)
                                    : json{own_evidence(context), peer_evidence(context),
                                           probe_evidence(context)};
    for (auto& sentence : common_evidence(context)) evidence.push_back(std::move(sentence));
    return {{"would", master ? "nothing" : (refusal.empty() ? "activate" : "refuse")},
            {"why", why},
            {"epoch", state.record.epoch},
            {"evidence", evidence},
            {"now", present_evidence(context)}};
}

} // namespace roleswap::daemon
