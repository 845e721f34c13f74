#pragma once
#include "core/types.hpp"
#include <cstddef>
#include <string_view>

namespace roleswap::core {

/// What can move a role.  Conditions are decided by the code that raises the event; which role
/// follows is decided by the table alone.
enum class Event : std::uint8_t {
    peer_is_master,    ///< a fresh message shows the peer as master of the newest epoch
    claim_decided,     ///< this node may become master and no other can
    store_leads,       ///< the local store accepts writes in the claimed epoch
    claim_failed,      ///< the local store could not be promoted
    hand_over_started, ///< planned swap, still to be undone
    hand_over_undone,  ///< planned swap ended before its point of no return
    handed_over,       ///< the record that names the peer is durable
    newer_epoch,       ///< the peer, or by hand the dr node, claimed a newer epoch
    lease_lost,        ///< the peer may claim soon
    store_failed,      ///< the store under a master died
    guard_failed,      ///< the guard killed the work, or is gone
    left,              ///< clean stop of the daemon
    released,          ///< no task process and no store process is alive
};

struct Rule {
    Role from;
    Event event;
    Role to;
    std::string_view why;
};

/// Every transition there is.  Printed by `roleswap fsm` and the manual.
inline constexpr Rule rules[] = {
    {Role::undecided, Event::peer_is_master, Role::standby,
     "the peer is master of the newest epoch, so this node mirrors it"},
    {Role::undecided, Event::claim_decided, Role::claiming,
     "the newest record names this node, or an operator decided"},
    {Role::standby, Event::claim_decided, Role::claiming,
     "in sync, and the master is silent, gave up or handed over, or an operator decided"},
    {Role::standby, Event::left, Role::demoting, "clean stop: the store stops before the daemon"},
    {Role::claiming, Event::store_leads, Role::master,
     "the epoch is durable and the store accepts writes"},
    {Role::claiming, Event::claim_failed, Role::demoting, "the store cannot be promoted"},
    {Role::claiming, Event::newer_epoch, Role::demoting, "another node claimed a newer epoch"},
    {Role::claiming, Event::left, Role::demoting, "clean stop while claiming"},
    {Role::master, Event::hand_over_started, Role::releasing, "planned swap to an in-sync peer"},
    {Role::master, Event::newer_epoch, Role::demoting, "another node claimed a newer epoch"},
    {Role::master, Event::lease_lost, Role::demoting,
     "the in-sync peer does not answer and may claim soon"},
    {Role::master, Event::store_failed, Role::demoting,
     "no store, no work: the in-sync peer claims when this node is undecided"},
    {Role::master, Event::guard_failed, Role::demoting,
     "without the guard no deadline holds, so the in-sync peer had better be master"},
    {Role::master, Event::left, Role::demoting, "clean stop without an in-sync peer"},
    {Role::releasing, Event::hand_over_undone, Role::master,
     "something failed before the point of no return"},
    {Role::releasing, Event::handed_over, Role::demoting,
     "point of no return: the peer owns the next epoch"},
    {Role::releasing, Event::newer_epoch, Role::demoting, "another node claimed a newer epoch"},
    {Role::releasing, Event::store_failed, Role::demoting, "the store died during the hand-over"},
    {Role::releasing, Event::guard_failed, Role::demoting,
     "the guard ended the work during the hand-over, or is gone"},
    {Role::demoting, Event::released, Role::undecided, "nothing of the old role is alive any more"},
};

/// No (from, event) has two rows and no row leads back to its own role.
template <std::size_t N> constexpr bool unambiguous(const Rule (&table)[N])
{
    for (std::size_t i = 0; i < N; ++i) {
        if (table[i].from == table[i].to) return false;
        for (std::size_t j = i + 1; j < N; ++j)
            if (table[i].from == table[j].from && table[i].event == table[j].event) return false;
    }
    return true;
}
static_assert(unambiguous(rules), "two rows claim the same (role, event), or one goes nowhere");

/// The row of the table; null where `event` does not move `from`.
constexpr const Rule* find_rule(Role from, Event event)
{
    for (const Rule& rule : rules)
        if (rule.from == from && rule.event == event) return &rule;
    return nullptr;
}

std::string_view to_string(Event event);

} // namespace roleswap::core
