#pragma once
#include "feeder.hpp"
#include "group.hpp"
#include "guard/page.hpp"
#include "processes.hpp"

namespace roleswap::guard {

/// What the guard has to do with; made by main, never freed.
struct Setup {
    Page* page = nullptr;
    int socket = -1;
    int daemon = -1; ///< pidfd
    int timer = -1;  ///< timerfd of CLOCK_BOOTTIME
    int watchdog = -1;
    Micros watchdog_timeout = 0;
    Group tasks;
    Group store;
    ComingGroup units; ///< of tasks, made by systemd
    Marks marks;
};

/// The one loop of the guard.  Waits for the deadline of the page and for the end of the daemon,
/// and then kills tasks and store, again and again, until the daemon has taken note, or, where it
/// ended, until nothing is left.  Uses no memory but its own, no call that could wait.
class Watch {
public:
    explicit Watch(const Setup& setup) : setup_(setup), feeder_(setup.watchdog_timeout) {}

    /// Until the daemon has ended and nothing of it is left.  True: it ended by intent.
    bool run() noexcept;

private:
    void look_at_deadline(Micros now) noexcept;
    void begin_killing(Micros now) noexcept;
    void kill_round() noexcept;
    void feed(Micros now) noexcept;
    Micros next_turn(Micros now) const noexcept;
    void sleep_until(Micros when) noexcept;
    void listen() noexcept;
    void end() noexcept;
    void tell() noexcept;
    void close_watchdog() noexcept;

    const Setup& setup_;
    Feeder feeder_;
    bool killing_ = false; ///< whatever is or comes alive dies
    bool dead_ = false;    ///< the newest look found nothing alive
    bool ending_ = false;  ///< the daemon has ended
    bool told_ = false;    ///< and said so before
};

/// CLOCK_BOOTTIME: goes on while the machine sleeps, as the daemon's clock does.
Micros now_us() noexcept;

} // namespace roleswap::guard
