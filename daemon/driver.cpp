#include "driver.hpp"
#include "base/ensure.hpp"
#include "core/doubt.hpp"
#include "why.hpp"
#include "wire/message.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr auto delay_memory = 60s;

core::ProbeAnswer::Kind answer_kind(const link::ProbeResult& result)
{
    using From = link::ProbeResult::Kind;
    using To = core::ProbeAnswer::Kind;
    switch (result.kind) {
    case From::reached:
        return To::reached;
    case From::none_reached:
        return To::none_reached;
    case From::none_configured:
        return To::none_configured;
    case From::failed:
        return To::none_reached; // no evidence is no leave
    }
    return To::none_reached;
}

core::WitnessAnswer::Kind answer_kind(witness::Answer::Kind kind)
{
    using From = witness::Answer::Kind;
    using To = core::WitnessAnswer::Kind;
    switch (kind) {
    case From::granted:
        return To::granted;
    case From::refused:
        return To::refused;
    case From::unreachable:
        return To::unreachable;
    case From::wiped:
        return To::wiped;
    }
    return To::unreachable;
}

template <class... Cases> struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases> Overloaded(Cases...) -> Overloaded<Cases...>; // clang 14 needs it told

} // namespace

Driver::Driver(Parts parts, const core::Settings& settings, const durable::NodeRecord& record)
    : parts_(std::move(parts)), settings_(settings), state_(core::boot(settings, record.role)),
      doubt_(record.doubt), last_(event::Loop::now()), last_turn_(last_),
      clock_(
          parts_.loop, [this] { feed(core::Elapsed{0}); }, event::Priority::high)
{
    plan_turn();
}

/// When the next thing of time is due; until then only what comes from outside makes a turn.
void Driver::plan_turn()
{
    const auto due = last_ + milliseconds(core::next_tick(state_));
    if (due == std::exchange(due_, due) && clock_.running()) return;
    clock_.start_in(std::max(due_ - event::Loop::now(), event::Duration{0}));
}

/// Whoever made this turn, the clock or a message: it counts where the time that was due is over,
/// and where it makes up for one, as that of a standby that answers its master.
void Driver::note_turn()
{
    const auto now = event::Loop::now();
    const auto planned = std::min(due_, now);
    if (now < due_ && planned - last_turn_ < milliseconds(settings_.heartbeat) / 2) return;
    const auto late = std::max(now - due_, event::Duration{0});
    while (!delays_.empty() && (delays_.front().at < now - delay_memory)) delays_.pop_front();
    while (!delays_.empty() && delays_.back().late <= late) delays_.pop_back();
    delays_.push_back({now, late});
    parts_.guard.look(planned - std::exchange(last_turn_, planned));
}

event::Duration Driver::worst_delay() const
{
    return delays_.empty() ? event::Duration{0} : delays_.front().late;
}

void Driver::feed(core::Input input)
{
    waiting_.push_back(std::move(input));
    if (!working_) work_off();
}

void Driver::feed_store(const core::StoreEvent& event)
{
    stepped_ = true;
    feed(event);
}

void Driver::work_off()
{
    working_ = true;
    note_turn();
    const auto before = std::pair(state_.role, state_.record);
    while (!waiting_.empty()) {
        const auto input = std::move(waiting_.front());
        waiting_.pop_front();
        if (!std::exchange(stepped_, false)) {
            look_at_guard();
            pass_time();
        }
        if (!std::holds_alternative<core::Elapsed>(input)) step(input);
    }
    working_ = false;
    plan_turn();
    give_up_fence();
    if (on_change_ && before != std::pair(state_.role, state_.record)) on_change_();
}

/// Before anything that came meanwhile is believed, even the time that passed: tasks and store
/// are dead, and die again until this is done.
void Driver::look_at_guard()
{
    if (!parts_.guard.fired()) return;
    const auto firing = parts_.guard.firing();
    const auto ms = [](event::Duration time) { return static_cast<double>(time.count()) / 1e3; };
    parts_.announcer.announce(
        "guard_fired",
        fmt::format("the deadline was not extended: this daemon came {:.0f} ms after it; {}",
                    ms(event::Loop::now() - firing.deadline),
                    firing.dead_after ? fmt::format("tasks and store were dead {:.1f} ms after it",
                                                    ms(*firing.dead_after))
                                      : "tasks and store are being killed"));
    parts_.guard.note_firing();
    guard_fired_ = true;
    step(core::GuardEvent{core::GuardEvent::Kind::fired});
}

void Driver::pass_time()
{
    const auto passed = duration_cast<milliseconds>(event::Loop::now() - last_);
    if (passed.count() <= 0) return;
    last_ += passed;
    step(core::Elapsed{static_cast<core::Ticks>(passed.count())});
}

void Driver::step(const core::Input& input)
{
    before_ = state_;
    input_ = &input;
    const auto effects = core::step(state_, input);
    for (const auto& effect : effects) carry_out(effect);
    input_ = nullptr;
}

void Driver::command(core::Command::Kind kind, std::string reason, Answer answer)
{
    const auto id = next_command_++;
    commands_.emplace(id, std::move(answer));
    feed(core::Command{id, kind, std::move(reason)});
}

void Driver::carry_out(const core::Effect& effect)
{
    std::visit(Overloaded{
                   [this](const core::Persist& e) { on(e); },
                   [this](const core::Send& e) { on(e); },
                   [this](const core::Probe& e) { on(e); },
                   [this](const core::Reply& e) { on(e); },
                   [this](const core::StoreFollow& e) { on(e); },
                   [this](const core::StoreLead& e) { parts_.store.lead(e.epoch); },
                   [this](const core::StoreMode& e) { parts_.store.set_mode(e.mode); },
                   [this](const core::StoreFreeze& e) { on(e); },
                   [this](const core::StoreThaw&) { parts_.store.thaw(); },
                   [this](const core::StoreStop&) { parts_.store.stop(); },
                   [this](const core::WorkStart& e) {
                       parts_.engine.start({e.epoch, doubt_}, parts_.store.conninfo());
                   },
                   [this](const core::WorkSuspend&) { parts_.engine.suspend(); },
                   [this](const core::WorkResume&) { parts_.engine.resume(); },
                   [this](const core::WorkKill&) {
                       parts_.engine.kill([this] { feed(core::TasksDead{}); });
                   },
                   [this](const core::Notify& e) { on(e); },
                   [this](const core::WitnessAsk& e) { on(e); },
                   [this](const core::FencePeer& e) { on(e); },
                   [this](const core::ExtendGuard& e) { on(e); },
               },
               effect);
}

/// What the node knew is kept with the event, so that it can be asked for later.
void Driver::on(const core::Notify& effect)
{
    const auto evidence = core::evidence_of(before_, state_, *input_, effect);
    parts_.announcer.announce(
        effect.what, effect.why,
        to_json(evidence,
                link_moments(parts_.transport, parts_.third, settings_.self, parts_.names),
                parts_.names)
            .dump());
}

void Driver::on(const core::Persist& effect)
{
    doubt_ = core::doubt_of(before_, *input_, effect.record, doubt_);
    const durable::NodeRecord record{effect.record, settings_.boot, doubt_};
    parts_.writer.run([path = parts_.record_path, record] { durable::save_record(path, record); },
                      [this, ticket = effect.ticket] { feed(core::Persisted{ticket}); });
}

void Driver::on(const core::Send& effect)
{
    const auto bytes = wire::encode(effect.message);
    parts_.transport.broadcast(bytes);
    if (parts_.third != nullptr) parts_.third->broadcast(bytes);
}

void Driver::on(const core::StoreFollow& effect)
{
    parts_.aim_store();
    parts_.store.follow(effect.epoch);
}

void Driver::on(const core::StoreFreeze&)
{
    parts_.aim_store();
    parts_.store.freeze();
}

void Driver::on(const core::Probe&)
{
    parts_.prober.ask(
        [this](const link::ProbeResult& result) { feed(core::ProbeAnswer{answer_kind(result)}); });
}

void Driver::on(const core::WitnessAsk& effect)
{
    base::ensure(parts_.witness != nullptr, "the core asks a witness where there is one");
    parts_.witness->decide(effect.seen, effect.value, parts_.witness_limit,
                           [this, ticket = effect.ticket](const witness::Answer& answer) {
                               feed(core::WitnessAnswer{ticket, answer_kind(answer.kind),
                                                        answer.found.value_or(core::Verdict{})});
                           });
}

void Driver::on(const core::FencePeer& effect)
{
    base::ensure(parts_.fence != nullptr, "no fence is configured");
    parts_.fence->fence(effect.ticket);
}

/// A peer that is heard again shall not be switched off by an attempt that is still to come.
void Driver::give_up_fence()
{
    if (parts_.fence == nullptr) return;
    const auto heard = core::peer_heard_ago(state_);
    if (heard && *heard < settings_.takeover_delay) parts_.fence->peer_heard();
    const auto ticket = parts_.fence->status().ticket;
    if (ticket == 0) return;
    const bool wanted = state_.asking && state_.asking->whom == core::Asking::Whom::fence &&
                        state_.asking->ticket == ticket;
    if (!wanted) parts_.fence->cancel();
}

void Driver::on(const core::Reply& effect)
{
    auto found = commands_.extract(effect.command);
    if (found.empty()) return; // answered before: a command has one reply
    const auto& answer = found.mapped();
    if (effect.kind == core::Reply::Kind::refused)
        return answer.failed(bus::Error(bus::ErrorCode::refused, effect.why));
    answer.done({{"epoch", state_.record.epoch}, {"state", effect.why}});
}

/// The core's clock stands at `state_.now` since `last_`.
void Driver::on(const core::ExtendGuard& effect)
{
    const bool disarm = effect.until == core::ExtendGuard::never;
    const auto left = static_cast<std::int64_t>(effect.until - state_.now); // negative: passed
    const auto until = disarm ? guard::never : (last_ + milliseconds(left)).count();
    using Extended = guard::Client::Extended;
    switch (parts_.guard.extend(until)) {
    case Extended::yes: // a guard that had fired watches again
        if (std::exchange(guard_fired_, false))
            waiting_.push_back(core::GuardEvent{core::GuardEvent::Kind::ready});
        return;
    case Extended::fired: // seen before the next input
        return;
    case Extended::lost:
        if (!disarm) waiting_.push_back(core::GuardEvent{core::GuardEvent::Kind::lost});
    }
}

} // namespace roleswap::daemon
