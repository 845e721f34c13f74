#include "watch.hpp"
#include <cstdint>
#include <ctime>
#include <iterator>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace roleswap::guard {
namespace {

constexpr Micros second = 1'000'000;
constexpr Micros turn_period = second / 10;   ///< so that the daemon sees that it is not stopped
constexpr Micros kill_period = second / 1000; ///< while something lives that was killed
constexpr Micros hold_period = second / 50;   ///< what a waking daemon may still start dies, too

} // namespace

Micros now_us() noexcept
{
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return Micros{now.tv_sec} * second + now.tv_nsec / 1000;
}

bool Watch::run() noexcept
{
    setup_.page->ready = 1;
    setup_.page->turns.fetch_add(1);
    tell();
    while (!(ending_ && dead_)) {
        look_at_deadline(now_us());
        if (killing_) kill_round();
        const auto now = now_us();
        feed(now);
        sleep_until(next_turn(now));
        setup_.page->turns.fetch_add(1);
    }
    close_watchdog();
    return told_;
}

/// A deadline that is extended between the look and the exchange is extended in time.
void Watch::look_at_deadline(Micros now) noexcept
{
    auto& page = *setup_.page;
    auto deadline = page.deadline.load();
    if (deadline == has_fired) return;
    if (killing_ && !ending_) {
        // The daemon took note and kills by itself what may be left; what it starts next is right.
        killing_ = false;
        feeder_.nothing_left();
        page.unfed = 0;
    }
    if (deadline > now || !page.deadline.compare_exchange_strong(deadline, has_fired)) return;
    page.fired_deadline = deadline;
    page.fired_at = now;
    page.firings.fetch_add(1);
    begin_killing(now);
}

void Watch::begin_killing(Micros now) noexcept
{
    killing_ = true;
    dead_ = false;
    setup_.page->dead_at = 0;
    feeder_.killing_since(now);
}

/// By cgroup where there is one: one system call, and a process that forks cannot run away.
void Watch::kill_round() noexcept
{
    const auto& tasks = setup_.tasks;
    const auto& store = setup_.store;
    if (tasks.there()) tasks.kill();
    if (store.there()) store.kill();
    setup_.units.kill();
    unsigned alive = tasks.there() ? unsigned{tasks.populated()} : kill_task_trees(setup_.marks);
    alive += store.there() ? unsigned{store.populated()} : kill_cluster(setup_.marks);
    alive += unsigned{setup_.units.populated()};
    dead_ = alive == 0;
    if (!dead_) return feeder_.killing_since(now_us());
    feeder_.nothing_left();
    if (setup_.page->dead_at != 0) return;
    setup_.page->dead_at = now_us();
    tell();
}

void Watch::feed(Micros now) noexcept
{
    if (setup_.watchdog < 0) return;
    setup_.page->unfed = feeder_.gives_up(now) ? 1 : 0;
    if (!feeder_.due(now)) return;
    // Any byte but V is food (watchdog-api.rst).
    [[maybe_unused]] const auto written = ::write(setup_.watchdog, "", 1);
}

Micros Watch::next_turn(Micros now) const noexcept
{
    if (killing_) return now + (dead_ ? hold_period : kill_period);
    const auto deadline = setup_.page->deadline.load();
    const auto turn = now + turn_period;
    return deadline < turn ? deadline : turn;
}

void Watch::sleep_until(Micros when) noexcept
{
    itimerspec at{};
    at.it_value.tv_sec = when > 0 ? when / second : 0;
    at.it_value.tv_nsec = when > 0 ? when % second * 1000 : 1; // zero would disarm it
    ::timerfd_settime(setup_.timer, TFD_TIMER_ABSTIME, &at, nullptr);
    constexpr int always = 3;
    // An end of file stays ready, and whoever is to die needs the processor.
    pollfd wait[] = {{setup_.timer, POLLIN, 0},
                     {ending_ ? -1 : setup_.socket, POLLIN, 0},
                     {ending_ ? -1 : setup_.daemon, POLLIN, 0},
                     {setup_.tasks.events(), POLLPRI, 0},
                     {setup_.store.events(), POLLPRI, 0}};
    // The groups matter only while nothing in them may live; else they change all the time.
    if (::poll(wait, killing_ ? std::size(wait) : always, -1) <= 0) return;
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto got = ::read(setup_.timer, &expirations, sizeof expirations);
    if (wait[1].revents != 0) listen();
    if (wait[2].revents != 0) end();
}

void Watch::end() noexcept
{
    if (ending_) return;
    ending_ = true;
    begin_killing(now_us());
}

void Watch::listen() noexcept
{
    char message = 0;
    const auto got = ::recv(setup_.socket, &message, 1, MSG_DONTWAIT);
    told_ = told_ || (got == 1 && message == say_quit);
    if (got == 0 || told_) end();
}

void Watch::tell() noexcept
{
    const char message = say_news;
    [[maybe_unused]] const auto sent =
        ::send(setup_.socket, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// The magic character: this end is by intent, the device stops counting.
void Watch::close_watchdog() noexcept
{
    if (setup_.watchdog < 0) return;
    [[maybe_unused]] const auto written = ::write(setup_.watchdog, "V", 1);
    ::close(setup_.watchdog);
}

} // namespace roleswap::guard
