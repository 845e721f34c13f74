#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::base {

/// Bytes from a text with backslash escapes: \\ \r \n \t \e and \xHH.  Empty where a backslash is
/// followed by anything else, or where a byte is neither written as an escape nor ASCII.
std::optional<std::string> unescape(std::string_view text);

/// The reverse, for people: printable ASCII as it is, everything else as an escape.
std::string escape(std::string_view bytes);

} // namespace roleswap::base
