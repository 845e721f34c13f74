#pragma once
#include "core/evidence.hpp"
#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::daemon {

/// What the core does not know of the configuration.
struct Names {
    std::array<std::string, 3> nodes; ///< by core::Node
    std::string probes;               ///< "10.0.0.254"; empty where there is none
    std::string witness;              ///< endpoints
    std::string fence;                ///< kind
};

/// How a link stood at that moment.
struct LinkMoment {
    std::string node; ///< at its other end
    std::string name;
    bool up = false;
    std::optional<std::int64_t> heard_ms; ///< ago; empty: never
};

/// The evidence as the event log keeps it and `roleswap why` shows it: some 1 to 2 KiB.
nlohmann::json to_json(const core::Evidence& evidence, const std::vector<LinkMoment>& links,
                       const Names& names);

} // namespace roleswap::daemon
