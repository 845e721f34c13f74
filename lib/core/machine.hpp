#pragma once
#include "core/effect.hpp"
#include "core/input.hpp"

namespace roleswap::core {

struct Settings {
    Node self = Node::first;
    std::uint64_t boot = 1; ///< of this daemon start, persisted before the machine is made
    Ticks heartbeat = 40;
    Ticks takeover_delay = 1000;    ///< 300 to 600000
    bool probes_configured = false; ///< without probes, silence alone never moves a role
};

// The owner of this folder adds: struct State (with ==), State boot(Settings, Record),
// Effects step(State&, const Input&), the table of rules.

} // namespace roleswap::core
