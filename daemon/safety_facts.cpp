#include "safety_facts.hpp"
#include "dr_status.hpp"
#include "fence_status.hpp"
#include "witness_view.hpp"

namespace roleswap::daemon {
namespace {

using Part = SafetyFacts::Part;

/// A part that is there.
Part part(bool good)
{
    return good ? Part::well : Part::unwell;
}

void add_link_facts(SafetyFacts& facts, const Context& context)
{
    bool serial_up = false;
    for (std::size_t i = 0; i < context.transport.links(); ++i) {
        const auto link = context.transport.status(i);
        const bool up = link.state == link::LinkState::up;
        if (link.baud > 0) {
            serial_up = serial_up || up;
            facts.serial = part(serial_up);
        } else {
            ++facts.networks;
            facts.networks_up += up ? 1 : 0;
        }
    }
}

void add_fence_facts(SafetyFacts& facts, const Context& context)
{
    if (context.fence == nullptr) return;
    facts.fence = part(!fence_trouble(context));
    facts.fence_by = context.fence->is_meatware() ? "a human" : context.fence->status().device;
    facts.fence_trust = context.config.fence.trust;
}

SafetyFacts::Dr dr_facts(const Context& context)
{
    const auto& state = context.driver.state();
    SafetyFacts::Dr dr{.here = context.is_dr(),
                       .name = context.config.nodes.at(core::Node::dr).name,
                       .leads = state.record.epoch > 0 && state.record.master == core::Node::dr};
    dr.lag = dr_lack(context);
    dr.mirror = dr_streams(context);
    if (!dr.here) {
        dr.heard = core::is_third_heard(state, core::Node::dr);
        return dr;
    }
    for (const auto node : {core::Node::first, core::Node::second})
        if (!core::is_third_heard(state, node))
            dr.unheard.push_back(context.config.nodes.at(node).name);
    return dr;
}

} // namespace

SafetyFacts safety_facts(const Context& context)
{
    const auto& state = context.driver.state();
    const auto guard = context.guard.snapshot();
    SafetyFacts facts;
    facts.role = state.role;
    facts.mirrored = state.record.mode == core::Mode::mirrored;
    facts.probes = !context.config.pair.probes.empty();
    if (context.witness != nullptr) {
        facts.witness = part(witness_trouble(context).empty());
        facts.split = context.witness->status().health == witness::Health::split;
    }
    add_fence_facts(facts, context);
    facts.peer = context.peer_node().name;
    facts.guard = part(guard.running);
    facts.guard_armed = guard.left.has_value();
    add_link_facts(facts, context);
    if (context.config.has_dr()) facts.dr = dr_facts(context);
    return facts;
}

} // namespace roleswap::daemon
