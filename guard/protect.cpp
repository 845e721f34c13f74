#include "protect.hpp"
#include "guard/page.hpp"
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace roleswap::guard {
namespace {

/// Above the daemon's 1, below the threads of the kernel that are at 50 and more.
constexpr int priority = 20;
constexpr int nice_without_realtime = -20;
constexpr rlim_t unslept_us_max = 500'000;
/// More than any of its functions needs.
constexpr std::size_t stack_bytes = 64 * 1024;

void touch_stack() noexcept
{
    char stack[stack_bytes];
    std::memset(stack, 0, sizeof stack);
    asm volatile("" : : "r"(stack) : "memory"); // or the compiler leaves it out
}

bool lock_memory() noexcept
{
    // What the limit is for an ordinary user (8 MB with systemd) suffices, too.
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_MEMLOCK, &unlimited);
    touch_stack();
    return ::mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}

bool become_realtime() noexcept
{
    sched_param parameter{};
    parameter.sched_priority = priority;
    // One that never sleeps would take a processor from all others: the kernel ends it, the daemon
    // sees that it is lost (getrlimit(2), RLIMIT_RTTIME).
    const rlimit unslept{unslept_us_max, unslept_us_max};
    if (::setrlimit(RLIMIT_RTTIME, &unslept) == 0 &&
        ::sched_setscheduler(0, SCHED_FIFO, &parameter) == 0)
        return true;
    ::setpriority(PRIO_PROCESS, 0, nice_without_realtime);
    return false;
}

bool be_spared() noexcept
{
    const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    const bool done = ::write(file, "-1000", 5) == 5;
    ::close(file);
    return done;
}

} // namespace

std::uint32_t protect() noexcept
{
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2})
        ::signal(number, SIG_IGN);
    ::prctl(PR_SET_NAME, "roleswap-guard");
    std::uint32_t bits = 0;
    if (be_spared()) bits |= never_oom;
    if (lock_memory()) bits |= memory_locked;
    if (become_realtime()) bits |= realtime;
    return bits;
}

} // namespace roleswap::guard
