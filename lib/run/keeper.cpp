#include "run/child.hpp"
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <iterator>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace roleswap::run {
namespace {

/// Room for one pass over a tree; a larger one takes more passes.
struct Pids {
    std::array<pid_t, 4096> list{};
    std::size_t size = 0;
};

struct Keeper {
    pid_t main = -1;
    Report report;
    bool main_ended = false;
};

/// proc(5): /proc/PID/task/TID/children.  Only async-signal-safe calls; threads other than the
/// first are found by the next pass, since the orphans of a dead process come to the keeper.
void add_children(pid_t parent, Pids& pids) noexcept
{
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/children", parent, parent);
    const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    std::array<char, 4096> text{};
    pid_t number = 0;
    for (ssize_t got = 0; (got = ::read(file, text.data(), text.size())) > 0;) {
        for (ssize_t i = 0; i < got; ++i) {
            const char c = text[static_cast<std::size_t>(i)];
            if (c >= '0' && c <= '9') {
                number = number * 10 + (c - '0');
            } else if (number != 0) {
                if (pids.size < pids.list.size()) pids.list[pids.size++] = number;
                number = 0;
            }
        }
    }
    ::close(file);
}

void kill_descendants(Pids& pids) noexcept
{
    pids.size = 0;
    add_children(::getpid(), pids);
    for (std::size_t i = 0; i < pids.size; ++i) add_children(pids.list[i], pids);
    for (std::size_t i = 0; i < pids.size; ++i) ::kill(pids.list[i], SIGKILL);
}

/// Takes one dead child; false when there is none (now, or at all).
bool reap(Keeper& keeper, int flags) noexcept
{
    int status = 0;
    rusage usage{};
    const pid_t pid = ::wait4(-1, &status, flags, &usage);
    if (pid <= 0) return false;
    const auto microseconds = [](const timeval& time) {
        return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
    };
    keeper.report.cpu_us += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    keeper.report.read_bytes += block_bytes * usage.ru_inblock;
    keeper.report.written_bytes += block_bytes * usage.ru_oublock;
    if (usage.ru_maxrss > keeper.report.peak_memory_kib)
        keeper.report.peak_memory_kib = usage.ru_maxrss;
    if (pid == keeper.main) {
        keeper.report.status = status;
        keeper.main_ended = true;
    }
    return true;
}

/// Kills in passes until no child is left: each death brings its orphans here.
[[noreturn]] void finish(Keeper& keeper, int report_fd) noexcept
{
    static Pids pids;
    do {
        kill_descendants(pids);
        while (reap(keeper, WNOHANG)) {
        }
        kill_descendants(pids);
    } while (reap(keeper, 0));
    [[maybe_unused]] const auto written = ::write(report_fd, &keeper.report, sizeof keeper.report);
    ::_exit(0);
}

void prepare_keeper() noexcept
{
    const pid_t daemon = ::getppid();
    ::setsid(); // out of reach of what the daemon's terminal or process group is sent
    ::prctl(PR_SET_NAME, "roleswap-keeper");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != daemon) ::_exit(0); // it died meanwhile
}

/// Returns the descriptor for the report, the only one that is left: the output pipe's end of file
/// is the task's doing alone.
int start_main(Keeper& keeper, const Plan& plan) noexcept
{
    keeper.report.kind = Report::Kind::ended;
    const pid_t self = ::getpid();
    keeper.main = clone_process(-1);
    if (keeper.main == 0) {
        become_ordinary();
        become_task(plan, self);
    }
    if (keeper.main < 0) {
        keeper.report.kind = Report::Kind::not_started;
        keeper.report.stage = Stage::keeper;
        keeper.report.error = errno;
        finish(keeper, plan.report);
    }
    const int report = ::dup2(plan.report, 0);
    ::syscall(SYS_close_range, 1U, ~0U, 0U);
    return report;
}

void obey(Keeper& keeper, int control) noexcept
{
    char word = 0;
    const auto got = ::recv(control, &word, 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got == 1 && word == say_terminate && !keeper.main_ended)
        ::kill(-keeper.main, SIGTERM);
    else
        finish(keeper, control); // told to, or the daemon is gone
}

} // namespace

void keep_in_unit(const Plan& plan, int control) noexcept
{
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &deaths, nullptr);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    Keeper keeper;
    control = start_main(keeper, plan);
    const int signals = ::signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK);
    for (bool told = false;;) {
        while (reap(keeper, WNOHANG)) {
        }
        if (keeper.main_ended && !std::exchange(told, true)) [[maybe_unused]]
            const auto written = ::write(control, &keeper.report, sizeof keeper.report);
        pollfd wait[] = {{control, POLLIN, 0}, {signals, POLLIN, 0}};
        ::poll(wait, std::size(wait), -1);
        signalfd_siginfo death;
        while (::read(signals, &death, sizeof death) > 0) {
        }
        if (wait[0].revents != 0) obey(keeper, control);
    }
}

void become_keeper(const Plan& plan) noexcept
{
    prepare_keeper();
    Keeper keeper;
    const int report = start_main(keeper, plan);
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : {SIGCHLD, SIGTERM, SIGUSR1}) sigaddset(&wanted, number);
    for (;;) {
        switch (::sigwaitinfo(&wanted, nullptr)) {
        case SIGUSR1:
            ::kill(-keeper.main, SIGTERM);
            break;
        case SIGTERM:
            finish(keeper, report);
        default:
            while (reap(keeper, WNOHANG)) {
            }
            if (keeper.main_ended) finish(keeper, report);
        }
    }
}

} // namespace roleswap::run
