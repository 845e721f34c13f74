#include "fence/fence.hpp"
#include <fmt/format.h>
#include <utility>

namespace roleswap::fence {
namespace {

std::int64_t ms(Duration time)
{
    return time.count() / 1000;
}

} // namespace

Fence::Fence(event::Loop& loop, Options options, Callbacks callbacks)
    : Fence(loop, options, std::move(callbacks), make_device(loop, options))
{
}

Fence::Fence(event::Loop& loop, Options options, Callbacks callbacks,
             std::unique_ptr<Device> device)
    : options_(std::move(options)), callbacks_(std::move(callbacks)), device_(std::move(device)),
      share_timer_(loop, [this] { share_over(); }), pause_timer_(loop,
                                                                 [this] {
                                                                     if (pause_is_attempt_)
                                                                         return next_attempt();
                                                                     order_look();
                                                                 }),
      monitor_timer_(loop, [this] { monitor(); })
{
    status_.device = device_ ? device_->name() : "meatware";
    if (!device_ || options_.monitor.count() == 0) return;
    monitor_timer_.start_in(Duration{1});
}

void Fence::fence(std::uint64_t ticket)
{
    begin(ticket,
          device_
              ? fmt::format("{} switches {} off: \"off\" and then \"status\", {} attempts within "
                            "{} ms",
                            status_.device, options_.peer, options_.attempts, ms(options_.timeout))
              : fmt::format("a human has to switch {0} off and to say so: \"roleswap fence "
                            "confirm\"",
                            options_.peer),
          {});
}

void Fence::test(const std::string& who, OnReport on_report)
{
    const auto refuse = [&](std::string why) {
        on_report({Result::failed, std::move(why), {}, {}});
    };
    if (!device_) return refuse("there is no device to test: a human confirms");
    if (run_) return refuse("a fence is under way");
    begin(0, fmt::format("test by {}: {} switches {} off", who, status_.device, options_.peer),
          std::move(on_report));
}

void Fence::begin(std::uint64_t ticket, const std::string& why, OnReport on_report)
{
    if (run_ && run_->on_report) finish(Result::failed, "a takeover needs the fence now");
    pause_timer_.stop();
    run_ = Run{}; // clang 14 finds no emplace() for a nested class with initializers
    run_->ticket = ticket;
    run_->on_report = std::move(on_report);
    run_->began = event::Loop::now();
    end_looks({Look::Power::failed, "a fence is under way"});
    callbacks_.on_event("fence_started", why);
    const auto human = std::exchange(human_, "");
    if (ticket != 0 && !human.empty() && run_->began - human_at_ <= options_.confirm_life)
        return finish(Result::confirmed,
                      fmt::format("{} said that {} is off", human, options_.peer));
    if (device_) next_attempt();
}

void Fence::peer_heard()
{
    refused_ = false;
    human_.clear();
}

void Fence::cancel()
{
    if (!run_ || run_->on_report) return;
    if (device_) device_->stop();
    share_timer_.stop();
    pause_timer_.stop();
    run_.reset();
    callbacks_.on_event("fence_failed",
                        fmt::format("given up: {} need not be off any more; \"roleswap fence "
                                    "status\" shows how far it came",
                                    options_.peer));
}

bool Fence::confirm(const std::string& who)
{
    if (!run_ && refused_) {
        human_ = who;
        human_at_ = event::Loop::now();
        return true;
    }
    if (!run_) return false;
    finish(Result::confirmed, fmt::format("{} says that {} is off", who, options_.peer));
    return true;
}

void Fence::next_attempt()
{
    run_->attempt += 1;
    share_timer_.start_in(share());
    order_off();
}

void Fence::order_off()
{
    run_->off_done = false;
    run_->step_began = event::Loop::now();
    device_->off([this](const Outcome& outcome) { on_off(outcome); });
}

void Fence::order_look()
{
    run_->step_began = event::Loop::now();
    device_->look([this](const Look& look) { on_power(look); });
}

void Fence::note_step(std::string_view command, const std::string& said)
{
    status_.step = fmt::format("attempt {}: {}: {} ({} ms)", run_->attempt, command, said,
                               ms(event::Loop::now() - run_->step_began));
    // A device that never says off is asked each second: the newest answer is enough.
    auto& steps = run_->report.steps;
    const bool again = command == "status" && run_->off_done && !steps.empty() &&
                       steps.back().find(": status: ") != std::string::npos;
    if (again) steps.pop_back();
    steps.push_back(status_.step);
}

void Fence::on_off(const Outcome& outcome)
{
    note_step("off", outcome.why);
    if (!outcome.ok) return attempt_failed("off: " + outcome.why);
    run_->off_done = true;
    if (device_->tells_power()) return order_look();
    const auto why = device_->why_unconfirmed();
    if (!why.empty()) return attempt_failed(why);
    finish(Result::confirmed, fmt::format("off: {}", outcome.why));
}

void Fence::on_power(const Look& look)
{
    note_step("status", fmt::format("{} ({})", to_string(look.power), look.why));
    if (look.power == Look::Power::off)
        return finish(Result::confirmed,
                      fmt::format("{} says that {} is off", status_.device, options_.peer));
    run_->failure = fmt::format("off was accepted, but status still says {} ({})",
                                to_string(look.power), look.why);
    pause_is_attempt_ = false;
    pause_timer_.start_in(options_.status_every);
}

/// The device had its time.
void Fence::share_over()
{
    device_->stop();
    pause_timer_.stop();
    const auto last = std::exchange(run_->failure, "");
    attempt_failed(fmt::format("{} within {} ms",
                               last.empty() ? "no answer to off or status" : last, ms(share())));
}

void Fence::attempt_failed(const std::string& why)
{
    share_timer_.stop();
    if (run_->attempt >= options_.attempts) return finish(Result::failed, why);
    callbacks_.on_event("fence_failed",
                        fmt::format("attempt {} of {}: {}", run_->attempt, options_.attempts, why));
    if (!run_) return;
    pause_is_attempt_ = true;
    pause_timer_.start_in(options_.status_every);
}

void Fence::finish(Result result, std::string why)
{
    if (device_) device_->stop();
    share_timer_.stop();
    pause_timer_.stop();
    auto run = std::exchange(run_, std::nullopt);
    run->report.result = result;
    run->report.why = why;
    run->report.took = event::Loop::now() - run->began;
    status_.last = run->report;
    status_.last_at = event::Loop::now();
    const bool confirmed = result == Result::confirmed;
    if (run->ticket != 0) refused_ = !confirmed;
    callbacks_.on_event(confirmed ? "fence_confirmed" : "fence_failed",
                        fmt::format("{}, {} ms after the start{}", why, ms(run->report.took),
                                    confirmed ? "" : fmt::format("; {} may be on", options_.peer)));
    if (run->on_report) return run->on_report(run->report);
    if (run->ticket != 0) callbacks_.on_answer(run->ticket, result);
}

Status Fence::status() const
{
    auto status = status_;
    if (!run_) {
        status.step.clear();
        return status;
    }
    status.state = device_ ? Status::State::fencing : Status::State::waiting;
    status.ticket = run_->ticket;
    status.attempt = run_->attempt;
    return status;
}

} // namespace roleswap::fence
