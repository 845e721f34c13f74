// The waiting runs that are known here: the first ones of each queue, however many wait in the
// store.
#include "work/engine_impl.hpp"
#include "work/window.hpp"

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t slice_rows = 100;
/// Of runs that wait behind others a look sees nothing, so the notifications count, too: so many
/// within this time.
constexpr int busy_wakes = 4;
constexpr auto busy_wakes_within = 20ms;
constexpr auto full_period = 200ms; ///< so often, too, runs of a high priority are looked for
constexpr auto trouble_period = 500ms;
constexpr std::size_t capped_low = 16;

} // namespace

/// Queues of which too little is known.
std::vector<std::string> Engine::Impl::hungry_queues() const
{
    std::vector<std::string> names;
    for (const auto& [name, queue] : model_.queues)
        if (queue.ready() < window_low) names.push_back(name);
    return names;
}

/// Of all others the first runs: what was enqueued meanwhile may come before those that are known.
std::vector<std::string> Engine::Impl::queues_to_peek_at() const
{
    std::vector<std::string> names;
    if (window_.peeked.count() > 0 && event::Loop::now() - window_.peeked < full_period)
        return names;
    for (const auto& [name, queue] : model_.queues)
        if (queue.ready() >= window_low) names.push_back(name);
    return names;
}

/// Somebody enqueued, and sent a notification because the engine was said to be asleep.
void Engine::Impl::woken()
{
    const auto now = event::Loop::now();
    if (now - window_.woken > busy_wakes_within) {
        window_.woken = now;
        window_.wakes = 0;
    }
    window_.peeked = {};
    if (++window_.wakes >= busy_wakes && window_.asleep && phase_ == Phase::running) stay_awake();
    look_in_store();
}

/// What was asked for until now takes part in the choice of what starts first.
void Engine::Impl::look_then_dispatch()
{
    window_.peeked = window_.admits_from = {};
    window_.dispatch = true;
    look_in_store();
    if (!window_.asking && std::exchange(window_.dispatch, false)) dispatch();
}

void Engine::Impl::look_in_store()
{
    if (phase_ != Phase::running || !session_ready_ || suspended_) return;
    if (window_.asking) {
        window_.ask_again = true;
        return;
    }
    auto queues = hungry_queues();
    const auto others = queues_to_peek_at();
    if (queues.empty() && others.empty()) return look_timer_.start_in(full_period);
    if (!others.empty()) window_.peeked = event::Loop::now();
    window_.asking = true;
    const auto generation = generation_;
    Reply reply{[](const nlohmann::json&) {},
                [this, generation](const VerbError&) {
                    if (generation == generation_) window_failed();
                }};
    admit_requests(queues);
    session_->read(window_query(queues, others, window_.capped), std::move(reply),
                   [this, queues](std::vector<pg::Result>& results) -> nlohmann::json {
                       take_window(results, queues);
                       return nullptr;
                   });
}

void Engine::Impl::window_failed()
{
    window_.asking = window_.ask_again = false;
    if (std::exchange(window_.dispatch, false)) dispatch();
    look_timer_.start_in(trouble_period); // or it begins anew with the connection
}

void Engine::Impl::take_window(std::vector<pg::Result>& results,
                               const std::vector<std::string>& queues)
{
    window_.rows = std::move(results);
    window_.at = window_.fresh = 0;
    window_.queues = queues;
    window_.told = {};
    looks_.add([this] { return take_some_of_window(); });
}

Slice Engine::Impl::take_some_of_window()
{
    const auto& rows = window_.rows.at(0);
    const auto end = std::min(window_.at + slice_rows, rows.rows());
    for (; window_.at < end; ++window_.at) {
        auto run = read_waiting_run(rows[window_.at]);
        window_.told.note(run);
        if (!model_.open.contains(run.id)) take_waiting_run(std::move(run));
    }
    if (window_.at < rows.rows()) return Slice::more;
    window_taken();
    return Slice::over;
}

/// Of a task whose runs leave one by one only some are known, or they would hide those of others.
void Engine::Impl::take_waiting_run(OpenRun run)
{
    if (!model_.may_overlap(run.task) && model_.load(run.task).waiting >= window_runs_of_task) {
        window_.ask_again |= window_.capped.insert(run.task).second;
        return;
    }
    ++window_.fresh;
    const auto queue = run.queue;
    model_.add_waiting(std::move(run));
    if (model_.queues[queue].ready() > window_runs) model_.shorten(queue, window_runs);
}

void Engine::Impl::window_taken()
{
    window_.asking = false;
    window_.rows.clear();
    for (const auto& name : window_.queues) window_.told.set_edge(name, model_.queues[name]);
    plan_next_look();
    if (std::exchange(window_.ask_again, false)) {
        look_in_store();
        if (window_.fresh > 0 && !window_.dispatch) dispatch();
    } else if (std::exchange(window_.dispatch, false) || window_.fresh > 0)
        dispatch();
}

/// Where the store says "asleep", a look follows once it has that: see `committed`.
void Engine::Impl::want_wake(bool asleep)
{
    window_.asleep = asleep;
    window_.asleep_period = {}; // a request may be under way that saw it awake
    window_.quiet_looks = 0;
    writer_->next().asleep = asleep;
}

/// Runs of a queue were claimed: others take their places.
void Engine::Impl::refill()
{
    for (const auto& [name, queue] : model_.queues)
        if (queue.more && queue.ready() < window_low) return look_in_store();
}

void Engine::Impl::note_claim(const std::string& task)
{
    if (!window_.capped.contains(task) || model_.load(task).waiting >= capped_low) return;
    window_.capped.erase(task);
    look_in_store();
}

} // namespace roleswap::work
