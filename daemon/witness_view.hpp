#pragma once
#include "context.hpp"

namespace roleswap::daemon {

/// The witness as this node sees it:
/// {"health","why","agrees","timeout_ms","register":null|{"epoch",
/// "round","master"},"endpoints":[{"url","up","why","latency_ms","version"}],"last":null|{"answer",
/// "why","took_ms"}}; null where none is configured.
nlohmann::json witness_status(const Context& context);

/// {"epoch","round","master"} with the node's name.
nlohmann::json verdict_json(const witness::Verdict& verdict, const Context& context);

/// Whether the register fits what this node has on disk: it holds nothing that this node has not
/// heard of.  (It may be older: what both nodes agree upon is not told to the witness.)
bool witness_agrees(const Context& context);

/// What is wrong with it in one sentence; empty where nothing is.
std::string witness_trouble(const Context& context);

/// What an operator puts into a new register: the present epoch of the pair.
witness::Verdict present_verdict(const Context& context);

/// "http://" to another host: what the register holds could be changed on the way.
bool in_the_clear(const std::string& endpoint);

} // namespace roleswap::daemon
