#include "pair.hpp"
#include "trace.hpp"
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace roleswap::scenario {

using Kind = core::StoreEvent::Kind;

void Pair::later(core::Ticks delay, std::function<void()> what)
{
    queue_[{now_ + delay, ++order_}] = std::move(what);
}

void Pair::run(core::Ticks duration)
{
    const core::Ticks end = now_ + duration;
    while (!queue_.empty() && queue_.begin()->first.first <= end) {
        auto event = queue_.extract(queue_.begin());
        now_ = event.key().first;
        event.mapped()();
    }
    now_ = end;
}

void Pair::note(unsigned n, const std::string& text)
{
    trace_ += fmt::format("{:>6} {} {}\n", now_, n == 0 ? "first " : "second", text);
}

void Pair::boot(unsigned n)
{
    Side& side = sides_[n];
    core::Settings settings = settings_;
    settings.self = n == 0 ? core::Node::first : core::Node::second;
    settings.boot = ++side.boots;
    side.alive = true;
    side.generation++;
    side.boot_at = now_;
    side.told = {};
    side.core = core::boot(settings, side.disk);
    note(n, "* boots with " + sim::describe(side.disk));
    if (settings_.guard) step(n, core::GuardEvent{core::GuardEvent::Kind::ready});
    tick(n, side.generation);
}

void Pair::crash(unsigned n)
{
    note(n, "* crashes");
    sides_[n].alive = sides_[n].primary = false;
    sides_[n].generation++;
    sides_[n].inbox.clear();
    const unsigned peer = 1 - n;
    if (sides_[peer].core.store == core::StoreState::following) store(peer, Kind::lost_peer, 5);
}

void Pair::tick(unsigned n, std::uint32_t generation)
{
    if (sides_[n].generation != generation) return;
    if (now_ >= sides_[n].frozen_until) {
        elapse(n);
        const auto inbox = std::move(sides_[n].inbox);
        sides_[n].inbox.clear();
        for (const auto& what : inbox) step(n, what);
    }
    later(settings_.heartbeat, [this, n, generation] { tick(n, generation); });
}

void Pair::elapse(unsigned n)
{
    const core::Ticks local = now_ - sides_[n].boot_at;
    if (local > sides_[n].core.now) step(n, core::Elapsed{local - sides_[n].core.now});
}

void Pair::give(unsigned n, core::Ticks delay, core::Input what)
{
    later(delay, [this, n, generation = sides_[n].generation, what = std::move(what)] {
        if (sides_[n].generation != generation || !sides_[n].alive) return;
        if (now_ < sides_[n].frozen_until) return sides_[n].inbox.push_back(what);
        elapse(n);
        step(n, what);
    });
}

void Pair::step(unsigned n, const core::Input& what)
{
    const bool quiet =
        std::holds_alternative<core::Elapsed>(what) || std::holds_alternative<core::Heard>(what);
    if (!quiet) note(n, "< " + sim::describe(what));
    for (const auto& effect : core::step(sides_[n].core, what)) carry_out(n, effect);
}

void Pair::store(unsigned n, Kind kind, core::Ticks delay)
{
    give(n, delay, core::StoreEvent{kind, {}});
}

bool Pair::fails(unsigned n, const std::string& what)
{
    unsigned& left = sides_[n].failing[what];
    if (left == 0) return false;
    left--;
    return true;
}

void Pair::send(unsigned n, const core::Message& message)
{
    // What changes in every message says nothing new.
    core::Message told = message;
    told.sequence = told.sent_at = told.echo_boot = told.echo_sequence = told.echo_sent_at = 0;
    if (told != sides_[n].told)
        note(n, fmt::format("> send {} {} store {}{}{}{}", to_string(message.role),
                            sim::describe(message.record), to_string(message.store),
                            message.leaving ? " leaving" : "", message.hold ? " hold" : "",
                            message.wish_alone ? " wish_alone" : ""));
    sides_[n].told = told;
    const unsigned peer = 1 - n;
    if (sides_[peer].deaf || !sides_[peer].alive) return;
    give(peer, 1, core::Heard{message});
}

void Pair::carry_out(unsigned n, const core::Effect& effect)
{
    Side& side = sides_[n];
    if (const auto* e = std::get_if<core::Send>(&effect)) return send(n, e->message);
    if (const auto* e = std::get_if<core::ExtendGuard>(&effect)) return extend_guard(n, *e);
    note(n, "> " + sim::describe(effect));
    if (const auto* e = std::get_if<core::Persist>(&effect)) {
        const core::Persist write = *e;
        later(side.disk_delay, [this, n, write, generation = side.generation] {
            if (sides_[n].generation == generation) sides_[n].disk = write.record;
        });
        give(n, side.disk_delay, core::Persisted{write.ticket});
    } else if (std::holds_alternative<core::StoreFollow>(effect)) {
        store(n, fails(n, "follow") ? Kind::failed : Kind::following, 20);
    } else if (std::holds_alternative<core::StoreLead>(effect)) {
        side.primary = !fails(n, "lead");
        store(n, side.primary ? Kind::primary : Kind::failed, 30);
    } else if (const auto* m = std::get_if<core::StoreMode>(&effect)) {
        store(n, m->mode == core::Mode::mirrored ? Kind::in_sync : Kind::alone, 5);
    } else if (std::holds_alternative<core::StoreFreeze>(effect)) {
        store(n, fails(n, "freeze") ? Kind::freeze_failed : Kind::frozen, 3);
    } else if (std::holds_alternative<core::StoreThaw>(effect)) {
        store(n, Kind::thawed, 1);
    } else if (std::holds_alternative<core::StoreStop>(effect)) {
        side.primary = false;
        store(n, Kind::stopped, 5);
    } else if (std::holds_alternative<core::WorkKill>(effect)) {
        give(n, 3, core::TasksDead{});
    } else if (std::holds_alternative<core::Probe>(effect)) {
        using Answer = core::ProbeAnswer::Kind;
        give(n, 2, core::ProbeAnswer{side.lan ? Answer::reached : Answer::none_reached});
    } else if (const auto* ask = std::get_if<core::WitnessAsk>(&effect)) {
        ask_witness(n, *ask);
    } else if (const auto* order = std::get_if<core::FencePeer>(&effect)) {
        fence(n, *order);
    }
}

void Pair::ask_witness(unsigned n, const core::WitnessAsk& ask)
{
    using Answer = core::WitnessAnswer::Kind;
    if (!sides_[n].witness)
        return give(n, 200, core::WitnessAnswer{ask.ticket, Answer::unreachable, {}});
    const bool refused = verdict_.master != ask.value.master && core::older(ask.seen, verdict_);
    if (!refused && core::older(verdict_, ask.value)) verdict_ = ask.value;
    const Answer answer = refused ? Answer::refused : Answer::granted;
    give(n, 3, core::WitnessAnswer{ask.ticket, answer, verdict_});
}

/// An attempt that nobody waits for any more is given up, as by the driver.
void Pair::fence(unsigned n, const core::FencePeer& order)
{
    later(fence_delay_, [this, n, ticket = order.ticket] {
        const auto& asking = sides_[n].core.asking;
        if (!sides_[n].alive || !asking || asking->ticket != ticket) return;
        if (sides_[1 - n].alive) crash(1 - n);
        give(n, 1, core::FenceAnswer{ticket, core::FenceAnswer::Kind::confirmed});
    });
}

/// A guard that fired watches again as soon as it is told anything.
void Pair::extend_guard(unsigned n, const core::ExtendGuard& order)
{
    // That a deadline moves on says nothing new.
    const bool armed = order.until != core::ExtendGuard::never;
    const bool again = std::exchange(sides_[n].fired, false);
    if (again || armed != sides_[n].armed)
        note(n, armed ? "> guard is armed" : "> guard is disarmed");
    sides_[n].armed = armed;
    if (!again) return;
    give(n, 0, core::GuardEvent{core::GuardEvent::Kind::ready});
}

void Pair::guard_fires(unsigned n)
{
    sides_[n].fired = true;
    sides_[n].primary = false;
    give(n, 0, core::GuardEvent{core::GuardEvent::Kind::fired});
    store(n, Kind::failed, 1);
}

bool Pair::set_up(const std::string& what, const std::string& value)
{
    if (what == "probes")
        settings_.probes_configured = value == "on";
    else if (what == "witness")
        settings_.witness = value == "on";
    else if (what == "guard")
        settings_.guard = value == "on";
    else if (what == "fence")
        settings_.fence = true, fence_delay_ = std::stoul(value);
    else
        return false;
    return true;
}

void Pair::operate(unsigned n, const std::string& verb, const std::string& argument)
{
    using Command = core::Command::Kind;
    static const std::map<std::string, Command> verbs{{"hand_over", Command::hand_over},
                                                      {"activate", Command::activate},
                                                      {"activate_force", Command::activate_force},
                                                      {"rejoin", Command::rejoin},
                                                      {"leave", Command::leave},
                                                      {"hold", Command::hold_takeover},
                                                      {"release", Command::release_takeover}};
    Side& side = sides_[n];
    if (const auto known = verbs.find(verb); known != verbs.end())
        return give(n, 0, core::Command{++commands_, known->second, argument});
    note(n, fmt::format("* {} {}", verb, argument));
    const auto value = [&argument] { return std::stoul(argument); };
    if (verb == "deaf")
        side.deaf = true;
    else if (verb == "hears")
        side.deaf = false;
    else if (verb == "lan")
        side.lan = argument == "up";
    else if (verb == "witness")
        side.witness = argument == "up";
    else if (verb == "guard_fires")
        guard_fires(n);
    else if (verb == "disk")
        side.disk_delay = value();
    else if (verb == "freeze")
        side.frozen_until = now_ + value();
    else if (verb == "fail")
        side.failing[argument]++;
    else if (verb == "store_dies")
        store(n, Kind::failed, 1);
    else
        throw std::invalid_argument("unknown verb " + verb);
}

void Pair::command(const std::string& line)
{
    std::istringstream words(line);
    std::string who, verb, argument, more;
    words >> who >> verb >> argument >> more;
    if (who == "run") return run(std::stoul(verb));
    if (set_up(who, verb)) return;
    if (who != "first" && who != "second") throw std::invalid_argument("unknown line: " + line);
    const unsigned n = who == "first" ? 0 : 1;
    if (verb == "boot") return boot(n);
    if (verb == "crash") return crash(n);
    if (verb != "record") return operate(n, verb, argument);
    std::string mode;
    words >> mode;
    sides_[n].disk = {std::stoul(argument),
                      more == "first" ? core::Node::first : core::Node::second,
                      mode == "mirrored" ? core::Mode::mirrored : core::Mode::alone};
}

} // namespace roleswap::scenario
