#include "activation.hpp"
#include "base/time_text.hpp"
#include "dr_status.hpp"
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

} // namespace

json activation_check(const Context& context, core::Command::Kind kind)
{
    const auto& state = context.driver.state();
    const bool master = state.role == Role::master;
    const auto refusal = core::activate_refusal(state, kind);
    const auto why = master ? "this node is master already" : refusal;
    const auto evidence = context.is_dr() ? dr_evidence(context)
                                          : json{own_evidence(context), peer_evidence(context),
                                                 probe_evidence(context)};
    return {{"would", master ? "nothing" : (refusal.empty() ? "activate" : "refuse")},
            {"why", why},
            {"epoch", state.record.epoch},
            {"evidence", evidence}};
}

} // namespace roleswap::daemon
