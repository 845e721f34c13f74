#pragma once
#include <cstdint>
#include <string_view>
#include <variant>

namespace roleswap::wire {

/// Why bytes from outside are not what they should be.  Counted, never thrown.
enum class Error : std::uint8_t {
    truncated,   ///< shorter than its fields
    trailing,    ///< bytes after the last field of a version this program knows
    bad_magic,   ///< not a datagram of roleswap
    bad_version, ///< older than the oldest version this program still understands, or unknown
    bad_kind,    ///< a kind of frame that does not exist
    bad_value,   ///< a field outside of its range
};
std::string_view to_string(Error error);

template <typename T> using Decoded = std::variant<T, Error>;

} // namespace roleswap::wire
