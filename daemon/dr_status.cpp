#include "dr_status.hpp"
#include "base/quantity.hpp"
#include "base/time_text.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {

using nlohmann::json;

namespace {

std::string dr_lag_text(const Context& context)
{
    const auto behind = context.lag.behind(context.driver.state().now);
    return fmt::format("{} and {}", base::human_bytes(context.lag.bytes()),
                       base::human_duration(std::chrono::milliseconds(behind)));
}

std::string heard_text(const Context& context, core::Node node)
{
    const auto& state = context.driver.state();
    const auto& view = core::third_view(state, node);
    const auto& name = context.config.nodes.at(node).name;
    if (view.last.boot == 0) return name + " was not heard since this daemon started";
    return fmt::format("{} was heard {} ago as {} of epoch {}, position {}", name,
                       base::human_duration(std::chrono::milliseconds(state.now - view.heard_at)),
                       core::to_string(view.last.role), view.last.record.epoch,
                       base::to_string(view.last.position));
}

} // namespace

json dr_lag(const Context& context)
{
    const auto& state = context.driver.state();
    const bool mirror = context.is_dr() && state.role == core::Role::standby;
    const bool master = !context.is_dr() && state.role == core::Role::master;
    if (!mirror && !(master && context.third != nullptr)) return nullptr;
    const auto& told = core::third_view(state, core::Node::dr).last;
    const auto store = mirror ? state.store : told.store;
    const auto from = mirror ? core::upstream(state) : context.self;
    return {{"lag_bytes", context.lag.bytes()},
            {"lag_ms", context.lag.behind(state.now)},
            {"streaming", store == core::StoreState::following},
            {"from", context.config.nodes.at(from).name}};
}

std::string dr_lack(const Context& context)
{
    const bool lacks =
        context.lag.bytes() > 0 || context.lag.behind(context.driver.state().now) > 0;
    return lacks ? dr_lag_text(context) : "";
}

bool dr_streams(const Context& context)
{
    const auto lag = dr_lag(context);
    return lag.is_object() && lag["streaming"] == true;
}

json dr_evidence(const Context& context)
{
    const auto& state = context.driver.state();
    return {fmt::format("{} is {}; its record says epoch {}; its mirror stands at {}",
                        context.self_node().name,
                        state.role == core::Role::standby ? "dr" : core::to_string(state.role),
                        state.record.epoch, base::to_string(state.position)),
            heard_text(context, core::Node::first), heard_text(context, core::Node::second),
            fmt::format("lost for good: what the pair acknowledged and this mirror does not hold; "
                        "when the master was last heard it was {} behind",
                        dr_lag_text(context)),
            "both nodes of the pair must be off or cut off from their users: one that lives where "
            "this node does not hear it stays master"};
}

json unknown_node(const std::string& name)
{
    return {
        {"name", name},
        {"reachable", false},
        {"role", "unknown"},
        {"epoch", 0},
        {"mode", "unknown"},
        {"in_sync", false},
        {"since", nullptr},
        {"boot", 0},
        {"version", ""},
        {"store", {{"kind", "managed"}, {"state", "unknown"}, {"position", ""}, {"detail", ""}}},
        {"last_change", nullptr}};
}

} // namespace roleswap::daemon
