#pragma once
#include <source_location>

namespace roleswap::base {

/// A bug in this program, never a fault of the world: says where and why, and aborts.  systemd
/// restarts the daemon and the peer takes over; on in release builds too, never caught.
void ensure(bool condition, const char* why,
            std::source_location where = std::source_location::current()) noexcept;

} // namespace roleswap::base
