#pragma once
#include "context.hpp"
#include "evidence_json.hpp"

namespace roleswap::daemon {

Names evidence_names(const config::Config& config);
/// Of one transport, whose other end is `node`.
std::vector<LinkMoment> link_moments(const link::Transport& transport, const std::string& node);
/// Of both transports of `self`; `third` is null where there is no dr node.
std::vector<LinkMoment> link_moments(const link::Transport& near, const link::Transport* third,
                                     core::Node self, const Names& names);

std::vector<LinkMoment> link_moments(const Context& context);

/// What this node knows now.
nlohmann::json present_evidence(const Context& context);

/// The answer to the verb "why": {"node","at","now","decisions":[{event, "evidence","before"}]}.
/// Throws bus::Error where there is no event `sequence`; 0: what this node is now, and the newest
/// decisions.
nlohmann::json why(const Context& context, std::uint64_t sequence);

} // namespace roleswap::daemon
