#pragma once
#include <string>
#include <string_view>

namespace roleswap::base {

/// A pattern for names of tasks: "*" is any text, "?" any one character, and all else stands for
/// itself: A-Z a-z 0-9 . _ -
bool is_name_pattern(std::string_view text);
/// The same as a regular expression for whole names, in what POSIX, PostgreSQL and ECMAScript have
/// in common.
std::string regex_of_name_pattern(std::string_view pattern);

} // namespace roleswap::base
