#include "core/turn.hpp"
#include <algorithm>

/// When the driver has to step time again.
namespace roleswap::core {
namespace {

/// Lowers `due` to the ticks between `passed` and `limit` where the limit lies ahead.
void limit(Ticks& due, Ticks passed, Ticks limit)
{
    if (passed < limit) due = std::min(due, limit - passed);
}

} // namespace

Ticks next_tick(const State& s)
{
    Ticks due = s.settings.heartbeat;
    limit(due, s.now - s.sent_at, s.settings.heartbeat);
    if (s.role == Role::standby || s.role == Role::undecided)
        limit(due, s.peer.silence, s.settings.takeover_delay);
    if (s.role == Role::master && s.peer_may_claim)
        for (const Ticks share : {60U, 80U}) limit(due, s.now - s.lease_from, percent(s, share));
    limit(due, s.now, s.retry_at);
    return std::max<Ticks>(due, 1);
}

} // namespace roleswap::core
