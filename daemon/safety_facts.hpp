#pragma once
#include "context.hpp"
#include "safety.hpp"

namespace roleswap::daemon {

/// What this node knows now of all that its promises rest on.
SafetyFacts safety_facts(const Context& context);

} // namespace roleswap::daemon
