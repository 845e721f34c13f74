#pragma once
#include "world.hpp"
#include <span>

namespace roleswap::explore {

/// Every configuration of the pair that is explored, by name.
std::vector<Mode> modes();
/// Throws std::invalid_argument that lists the names.
Mode find_mode(const std::string& name);
/// Throws std::invalid_argument that lists the names.
core::Settings::Sabotage find_sabotage(const std::string& name);
std::vector<std::string> sabotages();

} // namespace roleswap::explore
