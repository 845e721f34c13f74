#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::base {

/// Reads a duration: one or more numbers with a unit, largest unit first, each unit once: "300ms",
/// "10s", "1h30m", "7d".  Units ms, s, m, h, d.  Empty when the text is anything else or above
/// 10 000 days.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest text that `parse_duration` reads back: "1m30s"; zero is "0s".
std::string duration_text(std::chrono::milliseconds duration);

/// Reads a size in bytes: a number with B, KiB, MiB, GiB or nothing.  Empty when it is anything
/// else or above 2^62.
std::optional<std::uint64_t> parse_size(std::string_view text);

} // namespace roleswap::base
