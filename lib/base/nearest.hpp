#pragma once
#include <span>
#include <string_view>

namespace roleswap::base {

/// The candidate that was probably meant by a mistyped `word`: at most a third of its letters
/// wrong, case not counted.  Empty when no candidate is near enough.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

} // namespace roleswap::base
