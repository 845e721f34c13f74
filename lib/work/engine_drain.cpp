#include "work/engine_impl.hpp"
#include <fmt/format.h>

/// The way to "nothing runs", and the gate that keeps it so: without it runs that come due
/// meanwhile would start, and the wait would have no end.
namespace roleswap::work {
namespace {

using nlohmann::json;
/// The caller's next part comes at once; a lost one must not keep work for long.
constexpr std::int64_t again_ms_max = 60'000;

} // namespace

/// Whether nothing may be started: while a drain waits, between its parts, from the drain of an
/// operation until that operation is over, and in a pause.
bool Engine::Impl::gate_is_shut() const
{
    return drain_ || drain_goes_on_ || operation_drained() || model_.pause.paused;
}

bool Engine::Impl::operation_drained() const
{
    return gate_operation_ != 0 && model_.operation && model_.operation->id == gate_operation_;
}

/// Claims under way included.  What agents have goes on beside a swap.
std::size_t Engine::Impl::runs_alive() const
{
    std::size_t running = 0;
    for (const auto& [name, queue] : model_.queues) running += queue.running;
    return running - model_.given();
}

/// Runs that have a process or are just getting one.
json Engine::Impl::alive_runs() const
{
    auto running = json::array();
    for (const auto& [id, run] : model_.open)
        if (run.place != OpenRun::Place::waiting && run.agent.empty())
            running.push_back({{"id", id}, {"task", run.task}});
    return running;
}

void Engine::Impl::drain(const Call& call)
{
    const Arguments args(call.verb, call.args, {"timeout_ms", "again_ms", "operation"});
    const auto timeout =
        args.number_or("timeout_ms", 0, 86'400'000, settings_.drain_timeout.count());
    const std::chrono::milliseconds again(args.number_or("again_ms", 0, again_ms_max, 0));
    refuse_late_step(args);
    const auto operation = args.number_or("operation", 1, INT64_MAX, 0);
    if (operation_drained() && operation != gate_operation_)
        throw Refusal(VerbError::Code::refused, "nothing is started now, for " + open_operation());
    if (drain_)
        throw Refusal(VerbError::Code::refused, "another drain is under way; wait for its end");
    drain_ = Drain{.reply = call.reply, .again = again};
    if (operation != 0) gate_operation_ = operation;
    for (auto& [id, run] : model_.open) {
        const auto definition = claimed_.find(id);
        if (definition == claimed_.end() || definition->second.on_swap != task::OnSwap::move)
            continue;
        run.moving = true;
        executor_.kill(id);
    }
    drain_timer_.start_in(std::chrono::milliseconds(std::max<std::int64_t>(timeout, 1)));
    check_drained();
}

void Engine::Impl::drain_timed_out()
{
    if (!drain_) { // its next part has not come
        drain_goes_on_ = false;
        return dispatch();
    }
    drain_->timed_out = true;
    check_drained();
}

/// Drained: no process, no claim under way, and every end is in the store.
void Engine::Impl::check_drained()
{
    if (!drain_) return;
    const auto running = alive_runs();
    const bool drained = running.empty() && writer_->idle();
    if (!drained && !drain_->timed_out) return;
    const auto drain = *std::exchange(drain_, {});
    drain_timer_.stop();
    drain_goes_on_ = !drained && drain.again.count() > 0;
    if (drain_goes_on_) drain_timer_.start_in(drain.again);
    dispatch();
    drain.reply.done({{"drained", drained}, {"running", running}});
}

} // namespace roleswap::work
