// The third node, and which of the others this node's store goes with.
#include "instance.hpp"
#include "options.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::daemon {
namespace {

constexpr core::Ticks dr_late_after = 60'000;
constexpr core::Ticks dr_well_below = 5000;

} // namespace

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
    if (!is_dr && state.role == core::Role::master) watch_dr();
}

/// On the master: a dr node that stays behind is told once, and when it is well again.
void Instance::watch_dr()
{
    const auto& state = driver_->state();
    const auto& view = core::third_view(state, core::Node::dr);
    const auto silent = view.last.boot == 0 ? state.now - state.role_since : view.silence;
    const auto behind = lag_.behind(state.now);
    const bool late = std::max(silent, behind) >= dr_late_after;
    const bool well = silent < dr_well_below && behind < dr_well_below;
    if (late == dr_late_ || (dr_late_ && !well)) return;
    dr_late_ = late;
    const auto& name = setup_.config.nodes.dr.name;
    if (!late) return announcer_.announce("dr_caught_up", name + " holds what this node has again");
    announcer_.announce("dr_behind",
                        silent >= dr_late_after
                            ? fmt::format("{} has not been heard for {} s", name, silent / 1000)
                            : fmt::format("{} lacks {} bytes, the oldest for {} s", name,
                                          lag_.bytes(), behind / 1000));
}

} // namespace roleswap::daemon
