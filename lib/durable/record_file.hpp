#pragma once
#include "core/types.hpp"
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::durable {

/// All that a node must remember about its role, in the text file DATA_DIR/record:
///
///     roleswap-record 2
///     epoch 5
///     master first
///     mode mirrored
///     round 1
///     boots 12
///     doubt 5
///
/// `master` is the place of the node in the configuration file; `boots` counts starts of the
/// daemon, from boots_of_new_record.  Version 1 has no `round`; it is read as 0.  `doubt` is there
/// where it is not 0, in version 3.
struct NodeRecord {
    core::Record role;
    std::uint64_t boots = 0;
    core::Epoch doubt = 0; ///< see core::doubt_of
    bool operator==(const NodeRecord&) const = default;
};

/// For a first record.  The peer takes what comes from an older boot of this node for stale, so a
/// host that lost its record counts on from the present second, which no count of starts reaches.
std::uint64_t boots_of_new_record();

std::string format_record(const NodeRecord& record);

/// Throws std::runtime_error that tells the line and what is allowed there.
NodeRecord parse_record(std::string_view text, std::string_view path);

std::string record_path(const std::string& data_dir);

/// Empty when the node was never initialised or joined.
std::optional<NodeRecord> load_record(const std::string& path);

/// Durable when it returns.
void save_record(const std::string& path, const NodeRecord& record);

} // namespace roleswap::durable
