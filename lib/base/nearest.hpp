#pragma once
#include <span>
#include <string>
#include <string_view>

namespace roleswap::base {

/// The candidate that was probably meant by a mistyped `word`: at most a third of its letters
/// wrong, case not counted.  Empty when no candidate is near enough.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// For messages: unknown key "nmae", did you mean "name"?
std::string unknown_word(std::string_view kind, std::string_view word,
                         std::span<const std::string_view> known);

} // namespace roleswap::base
