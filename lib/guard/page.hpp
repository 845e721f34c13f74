#pragma once
#include <atomic>
#include <cstdint>
#include <limits>

/// What the daemon and its guard share.  Header only and without anything of the C++ library that
/// needs memory: the guard program uses it, too.
namespace roleswap::guard {

/// Microseconds of CLOCK_BOOTTIME.
using Micros = std::int64_t;

/// No deadline: the guard only watches whether the daemon lives.
inline constexpr Micros never = std::numeric_limits<Micros>::max();
/// In place of the deadline: it passed, and the daemon has not taken note of it yet.
inline constexpr Micros has_fired = std::numeric_limits<Micros>::min();

/// How the guard is protected from what may befall the daemon, as bits.
enum Protection : std::uint32_t {
    memory_locked = 1, ///< mlockall(2)
    realtime = 2,      ///< SCHED_FIFO
    never_oom = 4,     ///< oom_score_adj -1000
    tasks_group = 8,   ///< the tasks have a cgroup and it can be killed
    store_group = 16,  ///< the store, too
};

/// One page of shared memory (memfd), mapped and locked by both.  The deadline is one word, changed
/// by compare-and-swap on both sides: either the daemon extended it, or the guard has fired, and
/// both know which.
struct Page {
    // Of the daemon.
    std::atomic<Micros> deadline{never};

    // Of the guard.
    std::atomic<std::uint32_t> ready{0}; ///< it watches
    std::atomic<std::uint32_t> protection{0};
    std::atomic<std::uint32_t> turns{0}; ///< grows ten times a second: it is not stopped
    std::atomic<std::uint32_t> firings{0};
    std::atomic<Micros> fired_deadline{0}; ///< of the newest firing
    std::atomic<Micros> fired_at{0};
    std::atomic<Micros> dead_at{0};      ///< nothing was left; 0 = not yet
    std::atomic<std::uint32_t> unfed{0}; ///< the hardware watchdog gets no more food
};
static_assert(std::atomic<Micros>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

/// Descriptors that the guard finds open.
inline constexpr int page_descriptor = 3;
inline constexpr int socket_descriptor = 4;   ///< seqpacket to the daemon; its end is the daemon's
inline constexpr int watchdog_descriptor = 5; ///< only with --watchdog

/// Messages of one byte on the socket.
inline constexpr char say_wake = 'w'; ///< daemon: the deadline is an earlier one now
inline constexpr char say_quit = 'q'; ///< daemon: ends by intent
inline constexpr char say_news = 'n'; ///< guard: look at the page

} // namespace roleswap::guard
