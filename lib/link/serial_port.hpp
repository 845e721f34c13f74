#pragma once
#include "link/port.hpp"

namespace roleswap::link {

/// A null-modem cable.  A frame that is damaged comes out as a datagram of 0 bytes.  Throws
/// std::system_error while the device is not there.
std::unique_ptr<Port> open_serial_port(const LinkOptions& link);

} // namespace roleswap::link
