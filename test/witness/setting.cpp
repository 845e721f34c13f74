#include "setting.hpp"
#include <algorithm>
#include <stdexcept>

namespace roleswap::test {

using namespace std::chrono_literals;

witness::Options options_for(std::vector<std::string> endpoints)
{
    witness::Options options;
    options.endpoints = std::move(endpoints);
    options.pair = "alpha";
    options.names = {"left", "right"};
    options.look_every = 50ms;
    options.look_limit = 1s;
    options.event_gap = 0ms;
    return options;
}

Side::Side(event::Loop& loop, witness::Options options)
    : loop_(loop), witness_(loop, std::move(options),
                            {[this](std::string_view what, const std::string& why) {
                                 events.push_back(std::string(what) + ": " + why);
                             },
                             {}})
{
}

Side::Side(event::Loop& loop, std::vector<std::string> endpoints)
    : Side(loop, options_for(std::move(endpoints)))
{
}

Answer Side::decide(const Verdict& seen, const Verdict& value, event::Duration limit)
{
    std::optional<Answer> got;
    witness_.decide(seen, value, limit, [&](const Answer& answer) { got = answer; });
    if (got) throw std::runtime_error("the answer came inside the call");
    if (!wait(
            loop_, [&] { return got.has_value(); }, limit + 10s))
        throw std::runtime_error("no answer at all");
    return *got;
}

Answer Side::create(const Verdict& value, Existing existing)
{
    std::optional<Answer> got;
    witness_.create(value, existing, 5s, [&](const Answer& answer) { got = answer; });
    if (!wait(loop_, [&] { return got.has_value(); })) throw std::runtime_error("no answer at all");
    return *got;
}

witness::Status Side::look()
{
    bool done = false;
    witness_.look([&] { done = true; });
    if (!wait(loop_, [&] { return done; })) throw std::runtime_error("no look");
    return witness_.status();
}

bool Side::wait_for(Health health)
{
    return wait(
        loop_, [&] { return witness_.status().health == health; }, 10s);
}

bool Side::wait_for_twice(Health health)
{
    for (int tries = 0; tries < 10; ++tries) { // a machine that stalls makes a look fail
        if (!wait_for(health)) return false;
        if (look().health == health && look().health == health) return true;
    }
    return false;
}

std::uint64_t Side::revision()
{
    for (int tries = 0; tries < 10; ++tries) // a machine that stalls makes a look fail
        for (const auto& view : look().endpoints)
            if (view.found) return view.found->mod_revision;
    return 0;
}

bool Side::heard(const std::string& what) const
{
    return std::ranges::any_of(events,
                               [&](const auto& event) { return event.starts_with(what + ":"); });
}

TurnMeter::TurnMeter(event::Loop& loop)
    : last_(event::Loop::now()), timer_(loop, [this] {
          const auto now = event::Loop::now();
          worst_ = std::max(worst_, now - last_);
          last_ = now;
      })
{
    timer_.start_every(1ms);
}

event::Duration shortest(const std::function<event::Duration()>& once)
{
    const auto first = once(), second = once();
    return std::min({first, second, once()});
}

double milliseconds(event::Duration duration)
{
    return static_cast<double>(duration.count()) / 1000;
}

} // namespace roleswap::test
