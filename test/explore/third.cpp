#include "inside.hpp"
#include <utility>

/// The links of the dr node.  Every message tells the whole state of its sender, and those of one
/// way come in order, so what is told is all that counts: no number of a message is looked at.
namespace roleswap::explore {
namespace {

constexpr unsigned answers_limit = 50;

core::Message words_of(const core::Message& message)
{
    core::Message words;
    words.role = message.role;
    words.record = message.record;
    words.store = message.store;
    words.leaving = message.leaving;
    return words;
}

} // namespace

void Run::send_third(unsigned n, const core::Message& message)
{
    Third& dr = *w.dr;
    if (dr.cut) return;
    if (n != dr_node) {
        if (dr.side.alive) dr.from_pair[n] = words_of(message);
        return;
    }
    for (unsigned to = 0; to < 2; ++to)
        if (w.side[to].alive) dr.to_pair[to] = words_of(message);
}

/// At once, and what is answered too, unless the links are slow or the receiver does not run.
void Run::hear_thirds()
{
    if (!w.dr || stalled(w, dr_node, Stall::messages)) return;
    for (unsigned i = 0; i < answers_limit; ++i)
        if (!hear_one_third()) return;
    violate("messages with the dr node never come to an end");
}

bool Run::hear_one_third()
{
    for (unsigned which = 0; which < 4; ++which) {
        if (!can_hear_dr(w, which)) continue;
        hear_dr(which);
        return true;
    }
    return false;
}

bool can_hear_dr(const World& w, unsigned which)
{
    const Third& dr = *w.dr;
    if (which < 2) return dr.from_pair[which] && runs(dr.side);
    return dr.to_pair[which - 2] && runs(w.side[which - 2]);
}

void Run::hear_dr(unsigned which)
{
    using core::Node;
    auto& slot = which < 2 ? w.dr->from_pair[which] : w.dr->to_pair[which - 2];
    const core::Message message = *std::exchange(slot, std::nullopt);
    if (which >= 2) return hear_third(which - 2, Node::dr, message);
    hear_third(dr_node, which == 0 ? Node::first : Node::second, message);
}

void Run::hear_third(unsigned n, core::Node from, core::Message message)
{
    // Never the same number twice, else it would count as a copy.
    message.boot = message.sequence = 1;
    auto& views = w.at(n).core.thirds;
    views[from == core::Node::second ? 1 : 0].last.sequence = 0;
    step(n, core::HeardThird{from, message});
}

} // namespace roleswap::explore
