#include "precedence.hpp"
#include "event/fd.hpp"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <utility>

namespace roleswap::keeper {
namespace {

using namespace std::chrono_literals;

constexpr int nicer_by = -10;
constexpr unsigned first_ones = 256;
constexpr auto pause = 100ms; ///< after which a start is the first of another moment

} // namespace

/// The kernel shares the processor among sessions first, sched(7), autogroup; where it does not,
/// among processes.
Precedence::Precedence(pid_t daemon) noexcept : of_tasks_(::getpriority(PRIO_PROCESS, 0))
{
    ::setpriority(PRIO_PROCESS, 0, of_tasks_ + nicer_by);
    const event::UniqueFd session(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
    if (session) ::dprintf(session.get(), "%d", nicer_by);
    const int policy = ::sched_getscheduler(daemon) & ~SCHED_RESET_ON_FORK;
    sched_param its{};
    if ((policy != SCHED_RR && policy != SCHED_FIFO) || ::sched_getparam(daemon, &its) != 0) return;
    if (its.sched_priority <= ::sched_get_priority_min(policy)) return; // none is lower
    policy_ = policy;
    priority_ = its.sched_priority - 1;
}

void Precedence::note_start() noexcept
{
    if (policy_ == SCHED_OTHER) return;
    const auto now = Clock::now();
    if (now - std::exchange(latest_, now) > pause) {
        first_left_ = first_ones;
        set_policy(policy_, priority_);
    } else if (first_left_ > 0 && --first_left_ == 0) {
        set_policy(SCHED_OTHER, 0);
    }
}

/// With SCHED_RESET_ON_FORK also when ordinary: a process that has only RLIMIT_RTPRIO may change
/// its policy, but not clear that, sched(7).  What it clones is ordinary either way.
void Precedence::set_policy(int policy, int priority) noexcept
{
    sched_param param{};
    param.sched_priority = priority;
    if (::sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &param) == 0) return;
    std::fprintf(stderr,
                 "roleswap-keeper: cannot have priority %d of policy %d, sched(7): %s; where many "
                 "tasks are due at once, they start later; roleswapd needs CAP_SYS_NICE, or a "
                 "limit RTPRIO of %d or more\n",
                 priority, policy, std::strerror(errno), priority_);
    policy_ = SCHED_OTHER;
}

} // namespace roleswap::keeper
