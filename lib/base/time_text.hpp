#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::base {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// RFC 3339 in UTC with milliseconds: "2026-11-22T15:04:05.678Z".
std::string to_rfc3339(WallTime time);

/// "850 ms", "1.5 s", "3 min 20 s", "2 h 5 min", "3 d 4 h": for people.
std::string human_duration(std::chrono::milliseconds duration);

/// "512 B", "1.5 KiB", "20.0 GiB": for people.
std::string human_bytes(std::uint64_t bytes);

} // namespace roleswap::base
