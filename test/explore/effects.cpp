#include "inside.hpp"
#include "trace.hpp"
#include <fmt/format.h>

/// What the core orders, as far as it happens at once.
namespace roleswap::explore {

void Run::violate(const std::string& what)
{
    if (seen.violation.empty()) seen.violation = what;
}

void Run::note(unsigned n, const std::string& text) const
{
    if (seen.trace) seen.trace->push_back(fmt::format("  {:<6} {}", node_names[n], text));
}

void Run::step(unsigned n, const core::Input& input)
{
    Side& side = w.at(n);
    if (!side.alive) return;
    if (input.index() != 0) note(n, "< " + sim::describe(input));
    const core::Role before = side.core.role;
    const auto rule_before = side.core.last_rule;
    side.core.last_rule = core::State::no_rule;
    const core::Effects effects = core::step(side.core, input);
    if (side.core.last_rule == core::State::no_rule)
        side.core.last_rule = rule_before;
    else
        (n == dr_node ? seen.dr_rules : seen.rules) |= 1U << side.core.last_rule;
    for (const auto& effect : effects) {
        if (seen.trace) note(n, "> " + sim::describe(effect));
        carry_out(n, effect);
    }
    if (before != side.core.role && side.core.role == core::Role::undecided) check_idle(n);
}

void Run::carry_out(unsigned n, const core::Effect& effect)
{
    Side& side = w.at(n);
    Due& due = side.due;
    Store& store = side.store;
    if (const auto* e = std::get_if<core::Send>(&effect)) return send(n, e->message);
    if (const auto* e = std::get_if<core::Notify>(&effect)) return notice(n, *e);
    if (const auto* e = std::get_if<core::Reply>(&effect)) return reply(n, *e);
    if (const auto* e = std::get_if<core::Persist>(&effect)) {
        if (due.writes.empty()) side.before = side.disk;
        return due.writes.push({e->record, e->ticket});
    }
    if (const auto* e = std::get_if<core::StoreMode>(&effect)) {
        if (store.freezing) violate("a mode is ordered while the store is being frozen");
        forget_answers(n, core::StoreEvent::Kind::thawed);
        store.sync = store.sync_owed = e->mode == core::Mode::mirrored;
        store.set_alone = e->mode == core::Mode::alone;
        // The order takes effect when it is done; requiring more than is known is no harm.
        return;
    }
    if (const auto* e = std::get_if<core::WitnessAsk>(&effect)) {
        due.witness = *e;
        due.told.reset(); // a later question ends the earlier one
        return;
    }
    if (const auto* e = std::get_if<core::FencePeer>(&effect)) due.fence = e->ticket;
    if (std::holds_alternative<core::StoreFollow>(effect)) {
        order(n, Op::follow);
        store.from = core::upstream(side.core);
    }
    if (std::holds_alternative<core::StoreLead>(effect)) {
        order(n, Op::lead);
        store.streaming = false;
    }
    if (std::holds_alternative<core::StoreStop>(effect)) order(n, Op::stop);
    if (std::holds_alternative<core::StoreFreeze>(effect)) {
        order_freeze(n);
        store.freezing = true;
    }
    if (std::holds_alternative<core::StoreThaw>(effect)) {
        order_freeze(n);
        store.freezing = store.frozen = false;
        store.thawing = true;
    }
    if (std::holds_alternative<core::WorkStart>(effect)) {
        side.tasks = true;
        due.kill = false;
    }
    if (std::holds_alternative<core::WorkKill>(effect)) due.kill = true;
    // An answer that is on its way still comes, and is taken for that to the newer question.
    if (std::holds_alternative<core::Probe>(effect) && due.probe == Due::Probe::none)
        due.probe = Due::Probe::asked;
}

void Run::send(unsigned n, const core::Message& message)
{
    if (message.record != w.at(n).disk && message.record != w.at(n).before)
        for (const Write& write : w.at(n).due.writes)
            if (write.record == message.record)
                violate("I4: a record is told that is not on the disk yet");
    if (w.dr) send_third(n, message);
    if (n == dr_node) return;
    const bool lan = !w.cut[n];
    const bool serial = mode.serial && !w.serial_cut;
    if (!w.side[1 - n].alive || (!lan && !serial)) return;
    w.to[1 - n].push(message);
}

void Run::see(Sight sight)
{
    seen.sights |= 1U << unsigned(sight);
}

void Run::notice(unsigned n, const core::Notify& notify)
{
    const std::string_view what = notify.what;
    if (what == "takeover")
        see(notify.why.find("handed its role over") != std::string::npos ? Sight::takeover_by_name
                                                                         : Sight::takeover);
    if (what == "handover_done") see(Sight::hand_over);
    if (what == "handover_undone") see(Sight::hand_over_undone);
    if (what == "self_fence") see(Sight::self_fence);
    if (what == "mode_alone") see(Sight::went_alone);
    if (what == "standby_lost") see(Sight::gave_up_sync);
    if (what == "standby_in_sync") see(Sight::in_sync);
    if (what == "takeover" && notify.why.find("forced") != std::string::npos) {
        see(Sight::forced);
        w.forced = true;
    }
    if (w.at(n).core.unsure) see(Sight::witness_unsure);
}

void Run::reply(unsigned n, const core::Reply& reply)
{
    Side& side = w.at(n);
    const bool left =
        side.core.leaving && !side.core.owed_leave && reply.kind == core::Reply::Kind::done;
    if (!left) return;
    if (side.tasks || side.store.state == Store::State::primary)
        violate("leave was answered while the store or a task still lived");
    side.exiting = true;
}

void Run::check()
{
    for (const Side& side : w.side) {
        const core::State& s = side.core;
        const bool leads = s.role == core::Role::master || s.role == core::Role::claiming;
        const core::Record& newest = s.pending ? s.pending->record : s.record;
        if (side.alive && leads && newest.epoch > 0 && newest.master == core::Node::dr)
            violate("a node leads though it knows that the dr node does");
    }
    if (w.forced && is_calm(w)) end_force();
    for (unsigned n = 0; n < w.nodes() && !w.forced; ++n)
        for (unsigned other = n + 1; other < w.nodes(); ++other) check_two(n, other);
}

void Run::check_two(unsigned n, unsigned other)
{
    if (able(n) && able(other)) violate("I1: two stores can acknowledge");
    if (w.at(n).tasks && w.at(other).tasks && !excused(n) && !excused(other))
        violate("I3: task processes on both nodes");
}

/// Two masters were the operator's word until all settled around one; from here on all holds again.
void Run::end_force()
{
    w.forced = false;
    for (unsigned n = 0; n < w.nodes(); ++n) {
        const core::State& core = w.at(n).core;
        if (core.role == core::Role::master) w.led = {core.record.epoch, 0, core.settings.self};
        w.at(n).store.has_all = core.role == core::Role::master || core.in_sync;
    }
}

/// Without a guard a daemon that does not run cannot end its tasks.
bool Run::excused(unsigned n) const
{
    const Side& side = w.at(n);
    return !mode.guard && (side.frozen || side.due.kill);
}

void Run::check_idle(unsigned n)
{
    if (w.at(n).tasks) violate("I5: an undecided node has task processes");
    if (w.at(n).store.state == Store::State::primary)
        violate("I5: an undecided node has a primary store");
}

} // namespace roleswap::explore
