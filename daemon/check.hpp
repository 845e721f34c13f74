#pragma once
#include "context.hpp"

namespace roleswap::daemon {

/// Readiness for a role change without acting: this node's part, a list of
/// {"id","node","ok","level","value","limit","fix"}; level "fail" or "warn" tells what it means if
/// not ok.
nlohmann::json local_checks(const Context& context, const link::ProbeResult& probe);

/// The one check that stands for a node that does not answer.
nlohmann::json unreachable_checks(const std::string& node, const std::string& why);

/// {"ready","checks"} of both parts; ready when nothing of level fail is not ok.
nlohmann::json check_report(const nlohmann::json& here, const nlohmann::json& peer);

} // namespace roleswap::daemon
