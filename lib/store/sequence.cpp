#include "store/sequence.hpp"

namespace roleswap::store {

Sequencer::Sequencer(event::Loop& loop, OnFailure on_failure)
    : on_failure_(std::move(on_failure)), timer_(loop, [this] { on_time_(); })
{
}

void Sequencer::start(Task<> task)
{
    cancel();
    task_ = std::move(task);
    run(task_.handle());
}

void Sequencer::cancel()
{
    ++ticket_;
    timer_.stop();
    waiting_ = {};
    const Task<> dropped = std::move(task_);
}

Sequencer::Awaiter<bool> Sequencer::sleep(event::Duration delay)
{
    return wait<bool>([this, delay](Resume<bool> resume_later) {
        on_time_ = [resume_later] { resume_later(true); };
        timer_.set_slack(delay / 8); // only long sleeps are long enough to wait for company
        timer_.start_in(delay);
    });
}

void Sequencer::wake()
{
    if (timer_.running()) timer_.start_in(event::Duration{0});
}

void Sequencer::resume()
{
    ++ticket_;
    run(std::exchange(waiting_, {}));
}

void Sequencer::run(std::coroutine_handle<> handle)
{
    handle.resume();
    if (!task_.handle().done()) return;
    const Task<> done = std::move(task_);
    const auto failure = done.handle().promise().failure;
    if (!failure) return;
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        on_failure_(error);
    }
}

} // namespace roleswap::store
