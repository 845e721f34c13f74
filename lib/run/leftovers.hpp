#pragma once
#include <string>

namespace roleswap::run {

/// The environment entry by which task processes of a node are known where there is no cgroup.
inline constexpr const char* marker_name = "ROLESWAP_TREE";

/// SIGKILL to every process of this machine whose environment holds an entry that begins with
/// `marker` ("NAME=value").  Returns how many were found alive; call again until it is zero.
/// Processes that may not be read (other users', when not root) are not seen.
std::size_t kill_marked(const std::string& marker);

} // namespace roleswap::run
