#include "trace.hpp"
#include <array>
#include <fmt/format.h>

namespace roleswap::sim {
namespace {

using namespace core;

template <class... F> struct Overload : F... {
    using F::operator()...;
};
template <class... F> Overload(F...) -> Overload<F...>;

std::string text(const Message& m)
{
    return fmt::format("boot {} #{} echo {}#{} {} {} store {}{}{}{}", m.boot, m.sequence,
                       m.echo_boot, m.echo_sequence, to_string(m.role), describe(m.record),
                       to_string(m.store), m.leaving ? " leaving" : "", m.hold ? " hold" : "",
                       m.wish_alone ? " wish_alone" : "");
}

const char* name(StoreEvent::Kind kind)
{
    static constexpr const char* names[] = {"following", "lost_peer", "primary",       "in_sync",
                                            "alone",     "frozen",    "freeze_failed", "thawed",
                                            "stopped",   "failed",    "progress"};
    return names[static_cast<int>(kind)];
}

const char* name(Command::Kind kind)
{
    static constexpr const char* names[] = {"hand_over",       "activate", "activate_force",
                                            "rejoin",          "leave",    "hold_takeover",
                                            "release_takeover"};
    return names[static_cast<int>(kind)];
}

const char* name(ProbeAnswer::Kind kind)
{
    static constexpr const char* names[] = {"reached", "none_reached", "none_configured"};
    return names[static_cast<int>(kind)];
}

const char* name(WitnessAnswer::Kind kind)
{
    static constexpr const char* names[] = {"granted", "refused", "unreachable", "wiped"};
    return names[static_cast<int>(kind)];
}

const char* name(FenceAnswer::Kind kind)
{
    return kind == FenceAnswer::Kind::confirmed ? "confirmed" : "failed";
}

const char* name(GuardEvent::Kind kind)
{
    static constexpr const char* names[] = {"ready", "fired", "lost"};
    return names[static_cast<int>(kind)];
}

/// What the witness holds, where it told.
std::string text(const Verdict& v)
{
    if (v.epoch == 0) return {};
    return fmt::format(": epoch {} round {} of {}", v.epoch, v.round,
                       v.master == Node::first ? "first" : "second");
}

} // namespace

std::string describe(const Record& r)
{
    if (r.epoch == 0) return "{0}";
    constexpr std::array<std::string_view, 3> names{"first", "second", "dr"};
    return fmt::format("{{{} {} {}/{}}}", r.epoch, names.at(static_cast<std::size_t>(r.master)),
                       to_string(r.mode), r.round);
}

std::string describe(const Input& input)
{
    return std::visit(
        Overload{
            [](const Elapsed& e) { return fmt::format("elapsed {}", e.ticks); },
            [](const Heard& h) { return "heard " + text(h.message); },
            [](const HeardThird& h) { return "heard third " + text(h.message); },
            [](const Persisted& p) { return fmt::format("persisted {}", p.ticket); },
            [](const StoreEvent& e) { return fmt::format("store {}", name(e.kind)); },
            [](const ProbeAnswer& a) { return fmt::format("probe {}", name(a.kind)); },
            [](const TasksDead&) { return std::string("tasks_dead"); },
            [](const Command& c) { return fmt::format("command {} {}", c.id, name(c.kind)); },
            [](const WitnessAnswer& a) {
                return fmt::format("witness {} {}{}", a.ticket, name(a.kind), text(a.found));
            },
            [](const FenceAnswer& a) { return fmt::format("fence {} {}", a.ticket, name(a.kind)); },
            [](const GuardEvent& e) { return fmt::format("guard {}", name(e.kind)); }},
        input);
}

std::string describe(const Effect& effect)
{
    return std::visit(
        Overload{[](const Persist& p) {
                     return fmt::format("persist {} {}", p.ticket, describe(p.record));
                 },
                 [](const Send& s) { return "send " + text(s.message); },
                 [](const StoreFollow& f) { return fmt::format("store_follow {}", f.epoch); },
                 [](const StoreLead& l) { return fmt::format("store_lead {}", l.epoch); },
                 [](const StoreMode& m) { return fmt::format("store_mode {}", to_string(m.mode)); },
                 [](const StoreFreeze&) { return std::string("store_freeze"); },
                 [](const StoreThaw&) { return std::string("store_thaw"); },
                 [](const StoreStop&) { return std::string("store_stop"); },
                 [](const WorkStart& w) { return fmt::format("work_start {}", w.epoch); },
                 [](const WorkSuspend&) { return std::string("work_suspend"); },
                 [](const WorkResume&) { return std::string("work_resume"); },
                 [](const WorkKill&) { return std::string("work_kill"); },
                 [](const Probe&) { return std::string("probe"); },
                 [](const WitnessAsk& e) {
                     return fmt::format("witness_ask {} epoch {} round {}", e.ticket, e.value.epoch,
                                        e.value.round);
                 },
                 [](const FencePeer& f) { return fmt::format("fence_peer {}", f.ticket); },
                 [](const ExtendGuard& e) {
                     if (e.until == ExtendGuard::never) return std::string("extend_guard never");
                     return fmt::format("extend_guard {}", e.until);
                 },
                 [](const Notify& n) { return fmt::format("notify {}: {}", n.what, n.why); },
                 [](const Reply& r) {
                     return fmt::format("reply {} {}: {}", r.command,
                                        r.kind == Reply::Kind::done ? "done" : "refused", r.why);
                 }},
        effect);
}

} // namespace roleswap::sim
