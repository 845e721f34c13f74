#include "run/child.hpp"
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace roleswap::run {
namespace {

[[noreturn]] void give_up(const Plan& plan, Stage stage) noexcept
{
    Report report;
    report.stage = stage;
    report.error = errno;
    [[maybe_unused]] const auto written = ::write(plan.report, &report, sizeof report);
    ::_exit(exit_code_of(report));
}

void reset_signals() noexcept
{
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// A daemon that the kernel is told to spare must not hand that on to its tasks.
void reset_out_of_memory_score() noexcept
{
    const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    [[maybe_unused]] const auto written = ::write(file, "0", 1);
    ::close(file);
}

/// Before the account is another: only root may raise a limit.
void set_limits(const Plan& plan) noexcept
{
    for (const auto& limit : plan.limits) {
        const rlimit both{limit.value, limit.value};
        if (::prlimit(0, static_cast<__rlimit_resource>(limit.resource), &both, nullptr) != 0)
            give_up(plan, Stage::limits);
    }
}

void change_account(const Plan& plan) noexcept
{
    const auto& account = plan.account;
    if (!account.change) return;
    if (::setgroups(account.groups.size(), account.groups.data()) != 0 ||
        ::setgid(account.gid) != 0)
        give_up(plan, Stage::group);
    if (::setuid(account.uid) != 0) give_up(plan, Stage::user);
}

void change_directory(const Plan& plan) noexcept
{
    if (plan.directory.empty()) {
        if (::chdir(plan.account.home.c_str()) != 0 && ::chdir("/") != 0)
            give_up(plan, Stage::directory);
    } else if (::chdir(plan.directory.c_str()) != 0) {
        give_up(plan, Stage::directory);
    }
}

/// Tries each place like execvp(3): a file that may not be executed is told only when no later
/// place has the program.
[[noreturn]] void execute(const Plan& plan) noexcept
{
    int error = ENOENT;
    for (char* path : plan.candidate_pointers) {
        if (path == nullptr) break;
        ::execve(path, plan.argv_pointers.data(), plan.environment_pointers.data());
        if (errno != ENOENT && errno != ENOTDIR) error = errno;
    }
    errno = error;
    give_up(plan, Stage::execute);
}

} // namespace

pid_t clone_process(int cgroup) noexcept
{
    clone_args args{};
    args.exit_signal = SIGCHLD;
    if (cgroup >= 0) {
        args.flags = CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(cgroup);
    }
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &old);
    auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
    if (pid < 0 && errno == ENOSYS && cgroup < 0) // containers whose filter knows no clone3
        pid = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid == 0) return 0;
    const int error = errno;
    ::sigprocmask(SIG_SETMASK, &old, nullptr);
    errno = error;
    return pid;
}

void become_ordinary() noexcept
{
    reset_signals();
    reset_out_of_memory_score();
}

void become_task(const Plan& plan, pid_t parent) noexcept
{
    if (::setsid() < 0) give_up(plan, Stage::session);
    if (::dup2(plan.input.get(), 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0)
        give_up(plan, Stage::stdio);
    // Whatever descriptor anybody forgot to mark; the report pipe stays open until the exec.
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    ::umask(plan.umask);
    set_limits(plan);
    change_account(plan);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);    // after setuid, which clears it
    if (::getppid() != parent) ::_exit(1); // it died before
    change_directory(plan);
    execute(plan);
}

} // namespace roleswap::run
