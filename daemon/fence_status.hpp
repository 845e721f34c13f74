#pragma once
#include "context.hpp"
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace roleswap::daemon {

/// The fence of this node, as in the answer of fence_status; one must be configured.
nlohmann::json fence_status(const Context& context);

/// What is wrong with the device by the newest look at it; empty: nothing is known to be.
std::optional<std::string> fence_trouble(const Context& context);
/// One sentence about that look.
std::string fence_look_text(const Context& context);

} // namespace roleswap::daemon
