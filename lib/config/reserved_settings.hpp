#pragma once
#include <string_view>

namespace roleswap::config {

/// Settings of PostgreSQL that carry the promises of the pair, its security, or the places of
/// files, so roleswapd alone decides them: refused in the configuration, and left out where the
/// store writes the files of its cluster.
bool is_reserved_setting(std::string_view name);

} // namespace roleswap::config
