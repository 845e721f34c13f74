#pragma once
#include "world.hpp"

/// A path of the explorer as a scenario file, for test/scenario.
namespace roleswap::explore {

std::string write_walk(const Mode& mode, const std::vector<Action>& path,
                       const std::string& violation);
bool is_walk(const std::string& text);
/// The whole trace, which ends with "settles" or "VIOLATION: " and what is wrong.  Throws
/// std::invalid_argument for a line that is no action, or one that is not possible there.
std::string replay_walk(const std::string& text);

} // namespace roleswap::explore
