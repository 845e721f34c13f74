#include "precedence.hpp"
#include "event/fd.hpp"
#include <algorithm>
#include <cstdio>
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
    policy_ = policy;
    priority_ = std::max(its.sched_priority - 1, ::sched_get_priority_min(policy));
}

void Precedence::note_start() noexcept
{
    if (policy_ == SCHED_OTHER) return;
    const auto now = Clock::now();
    if (now - std::exchange(latest_, now) > pause) {
        first_left_ = first_ones;
        set_policy(policy_ | SCHED_RESET_ON_FORK, priority_);
    } else if (first_left_ > 0 && --first_left_ == 0) {
        set_policy(SCHED_OTHER, 0);
    }
}

void Precedence::set_policy(int policy, int priority) noexcept
{
    sched_param param{};
    param.sched_priority = priority;
    ::sched_setscheduler(0, policy, &param);
}

} // namespace roleswap::keeper
