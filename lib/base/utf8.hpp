#pragma once
#include <cstddef>
#include <string_view>

namespace roleswap::base {

/// Bytes of the valid UTF-8 sequence at the start of a text that is not empty (RFC 3629, section
/// 4); 0: there is none, or it is the NUL byte, which no store, argument or journal field takes.
std::size_t sequence_length(std::string_view text);

/// Bytes from the start to the first one that belongs to no such sequence; the size where all do.
std::size_t valid_length(std::string_view text);

} // namespace roleswap::base
