#pragma once

namespace roleswap::base {

/// A bug in this program, never a fault of the world: says where and why, and aborts.  systemd
/// restarts the daemon and the peer takes over; on in release builds too, never caught.  Only the
/// first two arguments are given: clang 14 has no std::source_location, but its parts.
void ensure(bool condition, const char* why, const char* file = __builtin_FILE(),
            int line = __builtin_LINE(), const char* function = __builtin_FUNCTION()) noexcept;

} // namespace roleswap::base
