#pragma once
#include "context.hpp"
#include "evidence_json.hpp"

namespace roleswap::daemon {

Names evidence_names(const config::Config& config);
std::vector<LinkMoment> link_moments(const link::Transport& transport);

/// The answer to the verb "why": {"node","at","now","decisions":[{event, "evidence","before"}]}.
/// Throws bus::Error where there is no event `sequence`; 0: what this node is now, and the newest
/// decisions.
nlohmann::json why(const Context& context, std::uint64_t sequence);

} // namespace roleswap::daemon
