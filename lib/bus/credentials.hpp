#pragma once
#include "bus/server.hpp"
#include <string>

namespace roleswap::bus {

/// uid, gid and pid of the process that connected (SO_PEERCRED, unix(7)).  Throws
/// std::system_error.
Caller peer_of(int socket);

/// Fills in the user name and whether it may act: uid 0, the daemon's own effective uid, or a
/// member of `group`.  Membership is read anew from the user database, so a user need not log in
/// again after having been added.
void complete(Caller& caller, const std::string& group);

} // namespace roleswap::bus
