#pragma once
#include "core/machine.hpp"
#include <string>

namespace roleswap::sim {

/// One line of text for traces that people read and compare.
std::string describe(const core::Input& input);
std::string describe(const core::Effect& effect);
std::string describe(const core::Record& record);

} // namespace roleswap::sim
