#include "options.hpp"
#include <algorithm>

namespace roleswap::daemon {
namespace {

serial::Parity parity_of(const std::string& text)
{
    if (text == "odd") return serial::Parity::odd;
    return text == "even" ? serial::Parity::even : serial::Parity::none;
}

fence::SwitchOptions switch_options(const config::Fence& fence, core::Node self)
{
    const auto& words = fence.words.at(core::other(self));
    fence::SwitchOptions options;
    options.port = fence.port.at(self);
    options.line = {fence.baud, fence.data_bits, parity_of(fence.parity), fence.stop_bits};
    options.off = words.off;
    options.off_answer = words.off_answer;
    options.status = words.status;
    options.status_on = words.status_on;
    options.status_off = words.status_off;
    options.trust = fence.trust;
    return options;
}

} // namespace

std::optional<fence::Options> fence_options(const Setup& setup)
{
    using enum config::Fence::Kind;
    const auto& fence = setup.config.fence;
    const auto peer = core::other(setup.self);
    if (fence.kind == none || setup.self == core::Node::dr) return {};
    fence::Options options;
    options.peer = setup.config.nodes.at(peer).name;
    options.command_timeout = fence.command_timeout;
    options.timeout = fence.timeout;
    options.attempts = fence.attempts;
    options.monitor = fence.monitor;
    // The core orders it again a takeover delay after it failed.
    options.confirm_life =
        std::max(options.confirm_life, fence::Duration(2 * setup.config.pair.takeover_delay));
    if (fence.kind == agent)
        options.device =
            fence::AgentOptions{fence.command, fence.options.at(peer), fence.secret_files.at(peer)};
    else if (fence.kind == serial)
        options.device = switch_options(fence, setup.self);
    return options;
}

} // namespace roleswap::daemon
