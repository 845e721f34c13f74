#pragma once
#include "context.hpp"
#include <nlohmann/json_fwd.hpp>

namespace roleswap::daemon {

/// Answer of the verb activate_check: what an activation with that kind, activate or
/// activate_force, would do now, and what this node knows of itself and of the peer.
nlohmann::json activation_check(const Context& context, core::Command::Kind kind);

} // namespace roleswap::daemon
