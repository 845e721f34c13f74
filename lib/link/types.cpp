#include "link/types.hpp"
#include "link/pair_key.hpp"
#include "link/probe.hpp"
#include "link/transport.hpp"

namespace roleswap::link {

std::string_view to_string(Rejection reason)
{
    switch (reason) {
    case Rejection::malformed:
        return "malformed";
    case Rejection::wrong_version:
        return "wrong version";
    case Rejection::wrong_pair:
        return "wrong pair";
    case Rejection::wrong_sender:
        return "wrong sender";
    case Rejection::wrong_link:
        return "wrong link";
    case Rejection::forged:
        return "forged";
    case Rejection::replayed:
        return "replayed";
    case Rejection::old_boot:
        return "old boot";
    case Rejection::unconfirmed_boot:
        return "unconfirmed boot";
    }
    return "unknown";
}

std::string_view to_string(LinkState state)
{
    return state == LinkState::up ? "up" : "down";
}

std::string_view to_string(RequestError error)
{
    switch (error) {
    case RequestError::timed_out:
        return "the peer did not answer in time";
    case RequestError::peer_restarted:
        return "the peer restarted before it answered";
    case RequestError::too_long:
        return "the request is longer than 1 MiB";
    }
    return "unknown";
}

} // namespace roleswap::link
