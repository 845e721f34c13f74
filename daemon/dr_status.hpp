#pragma once
#include "context.hpp"
#include <nlohmann/json_fwd.hpp>

namespace roleswap::daemon {

/// {"lag_bytes","lag_ms","streaming","from"} of the dr node as this node knows it; null where it
/// neither is the dr node nor the master.
nlohmann::json dr_lag(const Context& context);

/// What the dr node does not hold yet, "12.0 KiB and 3 s"; empty where that is nothing, or this
/// node is neither the dr node as mirror nor the master.
std::string dr_lack(const Context& context);
/// The dr node streams, as far as this node knows.
bool dr_streams(const Context& context);

/// Sentences on what a forced activation of the dr node would lose and what it needs.
nlohmann::json dr_evidence(const Context& context);

/// Entry of status.nodes for a node that has not answered since this daemon started.
nlohmann::json unknown_node(const std::string& name);

} // namespace roleswap::daemon
