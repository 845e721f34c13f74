#include "core/turn.hpp"
#include <algorithm>

/// When the driver has to step time again, and when a heartbeat goes out.
namespace roleswap::core {
namespace {

/// Lowers `due` to the ticks between `passed` and `limit` where the limit lies ahead.
void limit(Ticks& due, Ticks passed, Ticks limit)
{
    if (passed < limit) due = std::min(due, limit - passed);
}

/// A standby that hears its master answers it: one turn reads and sends, and what the master learns
/// is about its newest message.
bool goes_with_master(const State& s)
{
    return s.role == Role::standby && s.peer.last.boot != 0 && s.peer.last.role == Role::master &&
           s.now - s.peer.heard_at <= s.settings.heartbeat + s.settings.company;
}

Ticks heartbeat_period(const State& s)
{
    return s.settings.heartbeat + (goes_with_master(s) ? s.settings.company : 0);
}

} // namespace

bool heartbeat_due(const State& s, const Input& input)
{
    const Ticks passed = s.now - s.sent_at;
    if (passed >= heartbeat_period(s)) return true;
    return std::holds_alternative<Heard>(input) && s.peer.heard_at == s.now &&
           goes_with_master(s) && passed + s.settings.company >= s.settings.heartbeat;
}

Ticks next_tick(const State& s)
{
    const Ticks period = heartbeat_period(s);
    Ticks due = period;
    limit(due, s.now - s.sent_at, period);
    if (s.role == Role::standby || s.role == Role::undecided)
        limit(due, s.peer.silence, s.settings.takeover_delay);
    if (s.role == Role::master && s.peer_may_claim)
        for (const Ticks share : {60U, 80U}) limit(due, s.now - s.lease_from, percent(s, share));
    limit(due, s.now, s.retry_at);
    return std::max<Ticks>(due, 1);
}

} // namespace roleswap::core
