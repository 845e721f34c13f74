#include "core/turn.hpp"

/// One sentence why nothing happens.  No figures that change by themselves: the sentence is
/// compared to the one before so that it is said once.
namespace roleswap::core {
namespace {

std::string waiting_for_dr(const State& s)
{
    return fmt::format("the dr node was activated by hand and leads epoch {}: `roleswap rejoin` "
                       "here mirrors it, then `roleswap rejoin` there gives the role back",
                       s.record.epoch);
}

std::string waiting_undecided(const State& s)
{
    const Message& m = s.peer.last;
    const bool mine = s.record.master == s.settings.self;
    if (s.record.epoch > 0 && s.record.master == Node::dr) return waiting_for_dr(s);
    if (!peer_heard(s)) {
        if (s.record.epoch == 0) return "this node has no record yet and waits for its peer";
        if (mine && s.record.mode == Mode::alone)
            return s.hold ? "takeover is on hold; `roleswap activate` makes this node master"
                          : "waits until the peer was silent for the takeover delay";
        return "the silent peer may hold newer data or be master; `roleswap activate --force` "
               "makes this node master when you know that the peer is dead";
    }
    if (m.record.epoch < s.record.epoch && m.role == Role::master)
        return "the peer is master of an older epoch; waits until it gives up";
    if (m.record.epoch > s.record.epoch && m.record.master == s.settings.self &&
        m.role != Role::undecided)
        return "the peer knows this node as master of a newer epoch than its own record: this node "
               "lost its memory; `roleswap activate` on the peer makes the peer master";
    if (mine && s.failures > 0)
        return "the store of this node fails; it is tried again with growing delays";
    if (m.role == Role::standby) return "the in-sync peer may claim by itself";
    return "waits for the peer to become master, as the newest record says";
}

std::string waiting_standby(const State& s)
{
    const Message& m = s.peer.last;
    if (s.record.master == Node::dr)
        return s.record.round > 0 ? "mirrors the dr node, which leads until `roleswap rejoin` there"
                                  : waiting_for_dr(s);
    if (m.boot != 0 && m.record.epoch < s.record.epoch)
        return "the peer lost its memory (its epoch is older than the one it led); `roleswap "
               "activate --force` here makes this node master";
    if (s.hold) return "takeover is on hold on this node; `roleswap takeover release` ends it";
    if (s.leaving) return "this daemon is stopping";
    if (!s.in_sync)
        return peer_heard(s) && m.role == Role::master
                   ? "not in sync with the master yet"
                   : "not in sync, so the old master may hold newer data; waits for it; `roleswap "
                     "activate --force` makes this node master when you know that it is dead";
    if (peer_heard(s)) return {};
    return missing_evidence(s);
}

} // namespace

std::string why_waiting(const State& s)
{
    if (is_dr(s) && (s.role == Role::undecided || s.role == Role::standby ||
                     (s.role == Role::claiming && !s.pending)))
        return why_waiting_dr(s);
    switch (s.role) {
    case Role::undecided:
        return waiting_undecided(s);
    case Role::standby:
        return waiting_standby(s);
    case Role::claiming:
        return s.claim_leads ? "waits for the store to accept writes"
                             : "waits for the record to be durable";
    case Role::master:
        return s.suspended ? "work is suspended until the peer answers or is known to be cut off"
                           : std::string{};
    case Role::releasing:
        return "hand-over under way";
    case Role::demoting:
        return "waits until every task and the store are stopped";
    }
    return {};
}

std::optional<Ticks> peer_heard_ago(const State& s)
{
    if (s.peer.last.boot == 0) return std::nullopt;
    return s.now - s.peer.heard_at;
}

std::optional<Ticks> lease_remaining(const State& s)
{
    if (!s.peer_may_claim || (s.role != Role::master && s.role != Role::releasing))
        return std::nullopt;
    const Ticks age = s.now - s.lease_from;
    return age >= s.settings.takeover_delay ? 0 : s.settings.takeover_delay - age;
}

} // namespace roleswap::core
