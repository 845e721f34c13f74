#include "core/turn.hpp"
#include "base/ensure.hpp"
#include <algorithm>

namespace roleswap::core {

void Turn::say_once(std::string_view what, const std::string& why)
{
    if (s.said == why) return;
    s.said = why;
    notify(what, why);
}

void Turn::persist(const Record& record, After after)
{
    s.pending = Pending{++s.ticket, record, after};
    s.epoch_seen = std::max(s.epoch_seen, record.epoch);
    emit(Persist{record, s.ticket});
}

void Turn::move(Event event)
{
    const Rule* rule = find_rule(s.role, event);
    base::ensure(rule != nullptr, "the table has no row for this role and event");
    s.role = rule->to;
    s.last_rule = moved_ = static_cast<std::uint8_t>(rule - rules);
    s.role_since = s.now;
    s.changed = true;
    s.said.clear();
    // What the peer said to the former role proves nothing about what it may do now.
    if (s.role == Role::undecided) s.answer_from = s.sequence + 1;
}

void Turn::send()
{
    const Message& heard = s.peer.last;
    emit(Send{Message{
        .boot = s.settings.boot,
        .sequence = ++s.sequence,
        .sent_at = s.now,
        .echo_boot = heard.boot,
        .echo_sequence = heard.sequence,
        .echo_sent_at = heard.sent_at,
        .role = s.role,
        .record = s.record,
        .store = s.store,
        .position = s.position,
        .leaving = s.leaving,
        .hold = s.hold,
        .wish_alone = s.wish_alone,
    }});
    s.sent_at = s.now;
    s.changed = false;
}

void Turn::reply(std::optional<Owed>& owed, Reply::Kind kind, std::string why)
{
    if (!owed) return;
    if (kind == Reply::Kind::refused) notify("refused", why);
    emit(Reply{owed->id, kind, std::move(why)});
    owed.reset();
}

bool answers(const State& s)
{
    const Message& m = s.peer.last;
    if (sabotaged(s, Settings::Sabotage::old_answers)) return m.boot != 0;
    return m.boot != 0 && m.echo_boot == s.settings.boot && m.echo_sequence >= s.answer_from;
}

bool peer_heard(const State& s)
{
    return s.peer.last.boot != 0 && s.peer.silence < s.settings.takeover_delay;
}

bool peer_acts(const State& s)
{
    const Role role = s.peer.last.role;
    return role == Role::master || role == Role::releasing || role == Role::claiming ||
           role == Role::demoting;
}

Epoch next_epoch(const State& s, Node node)
{
    // Epoch 1 is the one that `roleswap init` writes, on either node.
    const Epoch epoch = std::max<Epoch>(std::max(s.epoch_seen, s.record.epoch), 1) + 1;
    if (node == Node::dr) return (epoch / dr_era + 1) * dr_era;
    const bool odd = epoch % 2 == 1;
    const Epoch own = odd == (node == Node::first) ? epoch : epoch + 1;
    return own % dr_era == 0 ? own + 2 : own;
}

Ticks retry_delay(const State& s, unsigned failures)
{
    const Ticks longest = std::min<Ticks>(2 * s.settings.takeover_delay, 10000);
    return std::min(Ticks{100} << std::min(failures, 10U), longest);
}

} // namespace roleswap::core
