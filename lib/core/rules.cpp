#include "core/rules.hpp"

namespace roleswap::core {

std::string_view to_string(Event event)
{
    switch (event) {
    case Event::peer_is_master:
        return "peer_is_master";
    case Event::claim_decided:
        return "claim_decided";
    case Event::store_leads:
        return "store_leads";
    case Event::claim_failed:
        return "claim_failed";
    case Event::hand_over_started:
        return "hand_over_started";
    case Event::hand_over_undone:
        return "hand_over_undone";
    case Event::handed_over:
        return "handed_over";
    case Event::newer_epoch:
        return "newer_epoch";
    case Event::lease_lost:
        return "lease_lost";
    case Event::store_failed:
        return "store_failed";
    case Event::guard_failed:
        return "guard_failed";
    case Event::left:
        return "left";
    case Event::released:
        return "released";
    }
    return "?";
}

} // namespace roleswap::core
