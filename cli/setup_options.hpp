#pragma once
#include "commands.hpp"
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::cli {

/// The text of a configuration file made of the options of `roleswap init`.  Throws UsageError that
/// names the option, or config::Error.
std::string make_config(const InitOptions& options);

/// "a,b" -> {"a","b"}; empty parts stay.
std::vector<std::string> split(std::string_view text, char separator);

} // namespace roleswap::cli
