// The third node, and which of the others this node's store goes with.
#include "instance.hpp"
#include "options.hpp"

namespace roleswap::daemon {

void Instance::make_third()
{
    if (!setup_.config.has_dr()) return;
    const auto to = core::third(setup_.self);
    ThirdNode::Ports ports;
    ports.on_message = [this, to](const core::Message& message) {
        if (driver_) driver_->feed(core::HeardThird{to, message});
    };
    ports.serve = [this](const std::string& request,
                         std::function<void(const std::string&)> reply) {
        dispatcher_.serve_peer(request, std::move(reply));
    };
    ports.on_link = [this] {
        aim_store();
        bus_.changed();
    };
    third_.emplace(loop_, link_options(setup_, record_.boots, to), announcer_, std::move(ports));
    lag_timer_.start_every(std::chrono::milliseconds(250));
}

/// The store follows, or waits for, whom the core says, over the links to him that are up.
void Instance::aim_store()
{
    const auto near = core::other(setup_.self);
    const auto to = driver_ ? core::upstream(driver_->state()) : near;
    const auto& transport = to == near || !third_ ? transport_ : third_->transport();
    store_.set_peer(setup_.config.nodes.at(to).name);
    store_.set_link_order(networks_of(setup_, to, transport.live()));
}

/// The dr node is behind whoever is master.
void Instance::note_lag()
{
    if (!driver_) return;
    const auto& state = driver_->state();
    const bool is_dr = setup_.self == core::Node::dr;
    if (is_dr && state.role == core::Role::standby)
        lag_.note(state.now, core::third_view(state, core::upstream(state)).last.position,
                  state.position);
    else if (!is_dr && state.role == core::Role::master)
        lag_.note(state.now, state.position, core::third_view(state, core::Node::dr).last.position);
    else
        lag_ = {};
}

} // namespace roleswap::daemon
