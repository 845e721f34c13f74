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
/// Of what only waits, more is taken after this.
constexpr event::Duration backlog_period = 100ms;
/// Dead rows that an old snapshot keeps from being removed are read by each look.  So reading that
/// takes longer than this is followed by a pause so many times as long, unless there is more for
/// queues that want it: it would grow meanwhile.  What only waits is taken at that pace, too.
constexpr event::Duration slow_reading = 1ms;
constexpr int pause_share = 10;
/// The store refused, as where somebody else's transaction has the due time.
constexpr event::Duration refused_pause = 500ms;
/// So many dead rows are cleared away at once: each look reads over them.
constexpr std::int64_t dead_rows_max = 20'000;

} // namespace

/// Goes before the look at the waiting runs, which sees what came of it.
void Engine::Impl::admit_requests(const std::vector<std::string>& hungry)
{
    window_.asked = event::Loop::now();
    window_.admitted = {};
    window_.admits = window_.asked >= window_.admits_from;
    if (!window_.admits) return;
    session_->read(
        {"SELECT of_hungry, of_others, more, reading_us FROM roleswap.admit($1, $2, $3, $4)",
         {std::to_string(epoch_), array_text(hungry), std::to_string(admitted_max),
          std::to_string(admitted_of_others_max)}},
        requests_reply(), [this](std::vector<pg::Result>& results) -> nlohmann::json {
            const auto row = results.at(0)[0];
            window_.admitted = {row.integer(0), row.integer(1)};
            const event::Duration reading = std::chrono::microseconds(row.integer(3));
            const bool more = row.boolean(2);
            if (!more && reading > slow_reading) pause_requests(pause_share * reading);
            window_.shrinks = window_.admitted.all() == 0 && reading > slow_reading;
            return nullptr;
        });
}

/// The looks at the runs that wait go on meanwhile.
void Engine::Impl::pause_requests(event::Duration pause)
{
    window_.admits_from = event::Loop::now() + pause;
}

Reply Engine::Impl::requests_reply()
{
    return {[](const nlohmann::json&) {},
            [this, generation = generation_](const VerbError& error) {
                if (generation != generation_) return;
                pause_requests(refused_pause);
                host_.on_store_trouble("requests: " + error.why);
            }};
}

/// No request is there, and to see that took long.
void Engine::Impl::shrink_requests()
{
    session_->read({"SELECT roleswap.shrink_requests($1)", {std::to_string(epoch_)}},
                   requests_reply(), [this](std::vector<pg::Result>& results) -> nlohmann::json {
                       if (!results.at(0)[0].boolean(0)) return nullptr;
                       window_.admits_from = {};
                       window_.dead = 0;
                       return nullptr;
                   });
}

/// The requests that became runs leave dead rows behind.
void Engine::Impl::sweep_requests()
{
    if (std::exchange(window_.shrinks, false)) shrink_requests();
    window_.dead += window_.admitted.all();
    if (window_.dead < dead_rows_max) return;
    const auto begun = event::Loop::now();
    if (begun < window_.sweeps_from) return;
    window_.dead = 0;
    session_->read({"VACUUM (SKIP_LOCKED) roleswap.request"}, requests_reply(),
                   [this, begun](std::vector<pg::Result>&) -> nlohmann::json {
                       const auto ended = event::Loop::now();
                       window_.sweeps_from = ended + pause_share * (ended - begun);
                       return nullptr;
                   });
}

/// After a look: whether who asks is to wake the engine, and when it looks again by itself.
void Engine::Impl::plan_next_look()
{
    sweep_requests();
    const auto pause = std::max(window_.admits_from - event::Loop::now(), event::Duration{0});
    if (!window_.admits) return look_timer_.start_in(pause); // who woke it may wait for that
    const auto fresh = std::max(window_.fresh, static_cast<std::size_t>(window_.admitted.all()));
    window_.quiet_looks = fresh == 0 ? window_.quiet_looks + 1 : 0;
    if (window_.asleep && fresh >= busy_runs) want_wake(false);
    if (!window_.asleep && window_.quiet_looks >= quiet_looks_max) want_wake(true);
    look_timer_.start_in(std::max(next_look(), pause));
}

event::Duration Engine::Impl::next_look()
{
    if (window_.asleep) {
        const auto period = std::max(window_.asleep_period, asleep_first);
        window_.asleep_period = std::min(period * asleep_growth, asleep_period);
        return period;
    }
    const bool backlog = window_.admitted.of_hungry == 0 && window_.admitted.of_others > 0;
    if (!backlog) return busy_period;
    return std::max(backlog_period, pause_share * (event::Loop::now() - window_.asked));
}

/// Many came at once, each with a notification.
void Engine::Impl::stay_awake()
{
    want_wake(false);
    look_timer_.start_in(busy_period);
}

} // namespace roleswap::work
