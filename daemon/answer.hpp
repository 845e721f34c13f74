#pragma once
#include "bus/error.hpp"
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <sys/types.h>

namespace roleswap::daemon {

/// How a verb answers, whoever asked: the bus, the peer or the daemon itself.  Exactly one of the
/// two is called, once.
struct Answer {
    std::function<void(const nlohmann::json&)> done;
    std::function<void(const bus::Error&)> failed;
};

/// Who wants a verb done.  The access was checked where the request came in.
struct Requester {
    uid_t uid = 0;
    std::string user;
    bool from_peer = false; ///< relayed once already, never relayed again
};

} // namespace roleswap::daemon
