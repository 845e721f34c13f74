// What applications have asked for and is no run yet: the engine makes runs of it, and this says
// when it looks and how much it takes at a time.
#include "work/engine_impl.hpp"
#include <algorithm>

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
/// So many at a time for queues of which too little is known ...
constexpr std::int64_t admitted_max = 2000;
/// ... and for the others, whose runs wait in any case: who asks comes first.
constexpr std::int64_t admitted_of_others_max = 500;
/// So many new runs in one look: from then on the engine looks by itself, and nobody wakes it.
constexpr std::size_t busy_runs = 4;
constexpr auto busy_period = 10ms;
/// After so many looks without a new run it wants to be woken again.
constexpr int quiet_looks_max = 50;
/// A request that was under way while it said so may have seen that it is awake: the next looks are
/// after this, then after four times as much, and so on.
constexpr event::Duration asleep_first = 50ms;
constexpr int asleep_growth = 4;
constexpr event::Duration asleep_period = 5s;
/// Of what only waits, more is taken after this, and after so many times as long as it took.
constexpr event::Duration backlog_period = 100ms;
constexpr int backlog_share = 10;
/// So many dead rows are cleared away at once: each look reads over them.
constexpr std::int64_t dead_rows_max = 20'000;

} // namespace

/// Goes before the look at the waiting runs, which sees what came of it.
void Engine::Impl::admit_requests(const std::vector<std::string>& hungry)
{
    window_.asked = event::Loop::now();
    window_.admitted = {};
    const Reply reply{[](const nlohmann::json&) {},
                      [this, generation = generation_](const VerbError& error) {
                          if (generation == generation_)
                              host_.on_store_trouble("requests: " + error.why);
                      }};
    session_->read({"SELECT of_hungry, of_others FROM roleswap.admit($1, $2, $3, $4)",
                    {std::to_string(epoch_), array_text(hungry), std::to_string(admitted_max),
                     std::to_string(admitted_of_others_max)}},
                   reply, [this](std::vector<pg::Result>& results) -> nlohmann::json {
                       const auto row = results.at(0)[0];
                       window_.admitted = {row.integer(0), row.integer(1)};
                       return nullptr;
                   });
}

/// The requests that became runs leave dead rows behind.
void Engine::Impl::sweep_requests()
{
    window_.dead += window_.admitted.all();
    if (window_.dead < dead_rows_max) return;
    window_.dead = 0;
    const Reply reply{[](const nlohmann::json&) {},
                      [this, generation = generation_](const VerbError& error) {
                          if (generation == generation_)
                              host_.on_store_trouble("requests: " + error.why);
                      }};
    session_->read({"VACUUM (SKIP_LOCKED) roleswap.request"}, reply,
                   [](std::vector<pg::Result>&) -> nlohmann::json { return nullptr; });
}

/// After a look: whether who asks is to wake the engine, and when it looks again by itself.
void Engine::Impl::plan_next_look()
{
    sweep_requests();
    const auto fresh = std::max(window_.fresh, static_cast<std::size_t>(window_.admitted.all()));
    window_.quiet_looks = fresh == 0 ? window_.quiet_looks + 1 : 0;
    if (window_.asleep && fresh >= busy_runs) want_wake(false);
    if (!window_.asleep && window_.quiet_looks >= quiet_looks_max) want_wake(true);
    look_timer_.start_in(next_look());
}

event::Duration Engine::Impl::next_look()
{
    if (window_.asleep) {
        const auto period = std::max(window_.asleep_period, asleep_first);
        window_.asleep_period = std::min(period * asleep_growth, asleep_period);
        return period;
    }
    window_.asleep_period = {};
    const bool backlog = window_.admitted.of_hungry == 0 && window_.admitted.of_others > 0;
    if (!backlog) return busy_period;
    return std::max(backlog_period, backlog_share * (event::Loop::now() - window_.asked));
}

/// Many came at once, each with a notification.
void Engine::Impl::stay_awake()
{
    want_wake(false);
    look_timer_.start_in(busy_period);
}

} // namespace roleswap::work
