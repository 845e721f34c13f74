#include "event/loop.hpp"
#include "event/fd.hpp"
#include <algorithm>
#include <csignal>
#include <ctime>
#include <system_error>

namespace roleswap::event {
namespace {

void check_sd(int result, const char* what)
{
    if (result < 0) throw std::system_error(-result, std::generic_category(), what);
}

void set_priority(sd_event_source* source, Priority priority)
{
    std::int64_t value = SD_EVENT_PRIORITY_NORMAL;
    if (priority == Priority::high) value = SD_EVENT_PRIORITY_IMPORTANT;
    if (priority == Priority::low) value = SD_EVENT_PRIORITY_IDLE;
    check_sd(sd_event_source_set_priority(source, value), "set a priority");
}

/// Runs a callback of ours on behalf of C code.
template <typename Body> int guarded(Loop& loop, Body&& body) noexcept
{
    try {
        body();
    } catch (...) {
        loop.fail();
    }
    return 0;
}

} // namespace

Loop::Loop()
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    check_sd(-pthread_sigmask(SIG_BLOCK, &mask, nullptr), "block SIGCHLD");
    sd_event* event = nullptr;
    check_sd(sd_event_new(&event), "sd_event_new");
    event_.reset(event);
}

int Loop::run()
{
    const int code = sd_event_loop(event_.get());
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    check_sd(code, "event loop");
    return code;
}

void Loop::exit(int code) noexcept
{
    sd_event_exit(event_.get(), code);
}

void Loop::fail() noexcept
{
    if (!failure_) failure_ = std::current_exception();
    sd_event_exit(event_.get(), 1);
}

Duration Loop::now() noexcept
{
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return std::chrono::duration_cast<Duration>(std::chrono::seconds(time.tv_sec) +
                                                std::chrono::nanoseconds(time.tv_nsec));
}

Timer::Timer(Loop& loop, std::function<void()> callback, Priority priority)
    : loop_(loop), callback_(std::move(callback))
{
    sd_event_source* source = nullptr;
    check_sd(
        sd_event_add_time_relative(loop.get(), &source, CLOCK_BOOTTIME, 0, 1, trampoline, this),
        "add timer");
    source_.reset(source);
    set_priority(source, priority);
    stop();
}

int Timer::trampoline(sd_event_source*, std::uint64_t, void* self) noexcept
{
    auto& timer = *static_cast<Timer*>(self);
    return guarded(timer.loop_, [&] { timer.fire(); });
}

void Timer::fire()
{
    if (period_.count() > 0) start_every(period_);
    const auto callback = callback_; // the callback may destroy this timer
    callback();
}

/// Not relative to sd-event's own now, which is when this turn of the loop began: the timer would
/// be early by what the turn has taken, and who then finds that it is not time yet sleeps twice.
void Timer::start_in(Duration delay)
{
    period_ = Duration{0};
    const auto at = std::max((Loop::now() + delay).count(), std::int64_t{0});
    check_sd(sd_event_source_set_time(source_.get(), static_cast<std::uint64_t>(at)), "set timer");
    check_sd(sd_event_source_set_enabled(source_.get(), SD_EVENT_ONESHOT), "enable timer");
}

void Timer::start_every(Duration period)
{
    start_in(period);
    period_ = period;
}

/// To sd-event 0 is 250 ms.
void Timer::set_slack(Duration slack)
{
    if (slack == std::exchange(slack_, slack)) return;
    const auto accuracy = std::max<std::uint64_t>(static_cast<std::uint64_t>(slack.count()), 1);
    check_sd(sd_event_source_set_time_accuracy(source_.get(), accuracy), "set a timer's slack");
}

void Timer::stop()
{
    period_ = Duration{0};
    check_sd(sd_event_source_set_enabled(source_.get(), SD_EVENT_OFF), "stop timer");
}

bool Timer::running() const
{
    return sd_event_source_get_enabled(source_.get(), nullptr) > 0;
}

Io::Io(Loop& loop, int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback,
       Priority priority)
    : loop_(loop), callback_(std::move(callback))
{
    sd_event_source* source = nullptr;
    check_sd(sd_event_add_io(loop.get(), &source, fd, events, trampoline, this),
             "watch descriptor");
    source_.reset(source);
    set_priority(source, priority);
}

int Io::trampoline(sd_event_source*, int, std::uint32_t ready, void* self) noexcept
{
    auto& io = *static_cast<Io*>(self);
    return guarded(io.loop_, [&] {
        const auto callback = io.callback_; // the callback may destroy this source
        callback(ready);
    });
}

void Io::set_events(std::uint32_t events)
{
    check_sd(sd_event_source_set_io_events(source_.get(), events), "change watched events");
}

Child::Child(Loop& loop, pid_t pid, std::function<void(int, int)> callback)
    : loop_(loop), pid_(pid), callback_(std::move(callback))
{
    sd_event_source* source = nullptr;
    check_sd(sd_event_add_child(loop.get(), &source, pid, WEXITED, trampoline, this),
             "watch child");
    source_.reset(source);
}

int Child::trampoline(sd_event_source*, const siginfo_t* info, void* self) noexcept
{
    auto& child = *static_cast<Child*>(self);
    return guarded(child.loop_, [&] {
        const auto callback = child.callback_; // the callback may destroy this source
        callback(info->si_code, info->si_status);
    });
}

Deferred::Deferred(Loop& loop, std::function<void()> callback, Priority priority)
    : loop_(loop), callback_(std::move(callback)), priority_(priority)
{
}

/// Each time a new source: sd-event takes sources of one priority in the order in which they became
/// pending, and a defer source is pending from its creation on.  One that is enabled again and
/// again would always be the oldest, and no descriptor or timer would have its turn.
void Deferred::trigger()
{
    if (source_ && sd_event_source_get_enabled(source_.get(), nullptr) > 0) return;
    sd_event_source* source = nullptr;
    check_sd(sd_event_add_defer(loop_.get(), &source, trampoline, this), "add deferred work");
    source_.reset(source);
    set_priority(source, priority_);
}

int Deferred::trampoline(sd_event_source*, void* self) noexcept
{
    auto& deferred = *static_cast<Deferred*>(self);
    return guarded(deferred.loop_, [&] {
        const auto callback = deferred.callback_;
        callback();
    });
}

Signal::Signal(Loop& loop, int number, std::function<void()> callback)
    : loop_(loop), callback_(std::move(callback))
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, number);
    check_sd(-pthread_sigmask(SIG_BLOCK, &mask, nullptr), "block signal");
    sd_event_source* source = nullptr;
    check_sd(sd_event_add_signal(loop.get(), &source, number, trampoline, this), "watch signal");
    source_.reset(source);
}

int Signal::trampoline(sd_event_source*, const signalfd_siginfo*, void* self) noexcept
{
    auto& signal = *static_cast<Signal*>(self);
    return guarded(signal.loop_, [&] { signal.callback_(); });
}

} // namespace roleswap::event
