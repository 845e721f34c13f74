#include "fence/fence.hpp"
#include <fmt/format.h>
#include <utility>

/// Looking at the device while there is nothing to switch off.
namespace roleswap::fence {

void Fence::monitor()
{
    look([](const Look&, Duration) {});
    monitor_timer_.start_in(options_.monitor);
}

void Fence::look(OnLook on_look)
{
    if (!device_) return on_look({Look::Power::unknown, "a human switches it"}, Duration{0});
    if (run_) return on_look({Look::Power::failed, "a fence is under way"}, Duration{0});
    lookers_.push_back(std::move(on_look));
    if (std::exchange(looking_, true)) return;
    look_began_ = event::Loop::now();
    device_->look([this](const Look& look) { looked(look); });
}

void Fence::looked(const Look& look)
{
    const bool works = look.power != Look::Power::failed;
    const bool worked = !status_.look || status_.look->power != Look::Power::failed;
    const bool first = !status_.look;
    status_.look = look;
    status_.looked_at = event::Loop::now();
    if (works != worked || (first && !works))
        callbacks_.on_event(works ? "fence_ready" : "fence_unready",
                            fmt::format("{} {}: {}", status_.device,
                                        works ? "answers again" : "does not answer", look.why));
    end_looks(look);
}

void Fence::end_looks(const Look& look)
{
    looking_ = false;
    const auto took = event::Loop::now() - look_began_;
    for (const auto& on_look : std::exchange(lookers_, {})) on_look(look, took);
}

std::unique_ptr<Device> make_device(event::Loop& loop, const Options& options)
{
    if (std::holds_alternative<AgentOptions>(options.device)) return make_agent(loop, options);
    if (std::holds_alternative<SwitchOptions>(options.device)) return make_switch(loop, options);
    return nullptr;
}

std::string_view to_string(Look::Power power)
{
    switch (power) {
    case Look::Power::on:
        return "on";
    case Look::Power::off:
        return "off";
    case Look::Power::unknown:
        return "unknown";
    case Look::Power::failed:
        return "no answer";
    }
    return "no answer";
}

std::string_view to_string(Result result)
{
    return result == Result::confirmed ? "confirmed" : "failed";
}

std::string_view to_string(Status::State state)
{
    switch (state) {
    case Status::State::idle:
        return "idle";
    case Status::State::fencing:
        return "fencing";
    case Status::State::waiting:
        return "waiting for a human";
    }
    return "idle";
}

} // namespace roleswap::fence
