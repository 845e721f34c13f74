#pragma once
#include "context.hpp"

namespace roleswap::daemon {

/// This node alone: an entry of status.nodes with "links", and on the master "replication" and
/// "work" (queues, scheduler, tasks, operation).
nlohmann::json node_status(const Context& context);

/// {"links":[...]} as this node sees them.
nlohmann::json links_status(const Context& context);

/// All nodes in one object, schema 1; `peer` is the peer's node status, perhaps an old one, and
/// `third` that of the third node, null where there is none.
nlohmann::json pair_status(const Context& context, const nlohmann::json& peer,
                           const nlohmann::json& third);

/// What the standby does not hold yet: {"bytes","requests","state"}; on the master only.
nlohmann::json pending_status(const Context& context);

} // namespace roleswap::daemon
