#include "work/wall_timer.hpp"
#include <algorithm>
#include <cstdint>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace roleswap::work {
namespace {

constexpr std::chrono::hours far{24 * 365};

} // namespace

WallTimer::WallTimer(event::Loop& loop, std::function<void()> callback)
    : fd_(event::check(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK),
                       "make a wall clock timer")),
      callback_(std::move(callback)),
      io_(loop, fd_.get(), EPOLLIN, [this](std::uint32_t) { ready(); })
{
    stop();
}

void WallTimer::start_at(Time time)
{
    using namespace std::chrono;
    const auto since = std::max(time.time_since_epoch(), system_clock::duration(1));
    itimerspec spec{};
    spec.it_value.tv_sec = duration_cast<seconds>(since).count();
    spec.it_value.tv_nsec = duration_cast<nanoseconds>(since % seconds(1)).count();
    event::check(
        ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr),
        "set the wall clock timer");
}

void WallTimer::stop()
{
    start_at(std::chrono::system_clock::now() + far);
}

void WallTimer::ready()
{
    std::uint64_t times = 0;
    // ECANCELED (the clock was set) and EAGAIN lead to the same: look at the clock.
    [[maybe_unused]] const auto got = ::read(fd_.get(), &times, sizeof times);
    callback_();
}

} // namespace roleswap::work
