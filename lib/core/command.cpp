#include "core/turn.hpp"

/// What an operator may order, and why not.
namespace roleswap::core {
namespace {

constexpr const char* under_way = "another command is under way; wait for its end";

void refuse(Turn& t, const Command& command, const std::string& why)
{
    t.notify("refused", why);
    t.emit(Reply{command.id, Reply::Kind::refused, why});
}

void done(Turn& t, const Command& command, const std::string& why)
{
    t.emit(Reply{command.id, Reply::Kind::done, why});
}

Owed owe(const State& s, const Command& command)
{
    return {command.id, command.kind, s.now};
}

void hand_over(Turn& t, const Command& command)
{
    const std::string obstacle = handover_obstacle(t.s);
    if (!obstacle.empty()) return refuse(t, command, "no hand-over: " + obstacle);
    t.s.owed = owe(t.s, command);
    handover_start(t);
}

std::string activate_obstacle(const State& s)
{
    if (s.role == Role::standby) return missing_evidence(s);
    if (peer_heard(s) && peer_acts(s)) return "the peer is master or about to be";
    if (peer_heard(s) && s.peer.last.record.epoch > s.record.epoch)
        return "the peer knows a newer epoch";
    if (s.record.epoch == 0 || s.record.master != s.settings.self || s.record.mode != Mode::alone)
        return "the record of this node does not show that it holds everything";
    return {};
}

void activate(Turn& t, const Command& command)
{
    State& s = t.s;
    const bool force = command.kind == Command::Kind::activate_force;
    if (s.role == Role::master) return done(t, command, "this node is master already");
    const std::string refusal = activate_refusal(s, command.kind);
    if (!refusal.empty()) return refuse(t, command, refusal);
    s.owed = owe(s, command);
    const Claim how{.what = "takeover",
                    .why = force ? "forced by an operator: " + command.reason
                                 : "ordered by an operator",
                    .peer_has_all = !force && s.role == Role::standby};
    if (force) return claim(t, how);
    s.ask_at = 0;
    seek_claim(t, how);
}

/// The pair has a master again whose epoch is newer than that of the dr node.
bool peer_leads_newer(const State& s)
{
    return peer_heard(s) && s.peer.last.role == Role::master &&
           s.peer.last.record.epoch > s.record.epoch;
}

void rejoin(Turn& t, const Command& command)
{
    State& s = t.s;
    const bool aside = s.record.epoch > 0 && s.record.master == Node::dr;
    if (aside && (s.record.round == 0 || s.role == Role::undecided) && !peer_leads_newer(s))
        return rejoin_dr(t, command);
    if (s.role == Role::standby) return done(t, command, "this node is standby already");
    if (s.role != Role::undecided)
        return refuse(t, command, fmt::format("this node is {}", to_string(s.role)));
    if (!peer_heard(s)) return refuse(t, command, "the peer is not heard; see `roleswap links`");
    resolve(t);
    if (s.role == Role::standby) return done(t, command, "this node mirrors the peer");
    const std::string why = why_waiting(s);
    refuse(t, command, why.empty() ? "the peer is not master yet; try again" : why);
}

void set_hold(Turn& t, const Command& command, Command::Kind kind)
{
    State& s = t.s;
    s.hold = kind == Command::Kind::hold_takeover;
    s.changed = true;
    t.notify("hold", s.hold
                         ? "automatic takeover is forbidden here until `roleswap takeover release`"
                         : "automatic takeover is allowed again");
    done(t, command, s.hold ? "held" : "released");
}

} // namespace

std::string activate_refusal(const State& s, Command::Kind kind)
{
    if (s.role == Role::master) return {};
    if (s.owed) return under_way;
    if (s.role != Role::standby && s.role != Role::undecided)
        return fmt::format("this node is {}; wait", to_string(s.role));
    if (s.leaving) return "this daemon is stopping";
    if (is_dr(s)) {
        if (kind == Command::Kind::activate_force) return dr_activate_obstacle(s);
        return "the dr node never leads without --force and a reason: whatever the pair "
               "acknowledged and this mirror does not hold yet is given up";
    }
    if (dr_acts(s))
        return fmt::format("the dr node leads epoch {}; `roleswap rejoin` here mirrors it, then "
                           "`roleswap rejoin` there gives the role back",
                           third_view(s, Node::dr).last.record.epoch);
    if (kind == Command::Kind::activate_force) return {};
    const std::string obstacle = activate_obstacle(s);
    if (obstacle.empty()) return {};
    return obstacle + "; when you know that the peer is dead, use `roleswap activate --force`";
}

void on_command(Turn& t, const Command& command)
{
    State& s = t.s;
    using Kind = Command::Kind;
    const bool common = command.kind == Kind::activate || command.kind == Kind::activate_force ||
                        command.kind == Kind::leave;
    if (is_dr(s) && !common) return dr_command(t, command);
    switch (command.kind) {
    case Kind::hand_over:
    case Kind::activate:
    case Kind::activate_force:
        if (s.owed) return refuse(t, command, under_way);
        return command.kind == Kind::hand_over ? hand_over(t, command) : activate(t, command);
    case Kind::rejoin:
        return rejoin(t, command);
    case Kind::leave:
        if (s.owed_leave) return refuse(t, command, "this daemon is stopping already");
        s.owed_leave = owe(s, command);
        return leave(t);
    case Kind::hold_takeover:
    case Kind::release_takeover:
        return set_hold(t, command, command.kind);
    }
}

} // namespace roleswap::core
