#include "run/spawn_helper.hpp"
#include "run/child.hpp"
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::run {
namespace {

constexpr int exit_not_executed = 127;

/// In the child: only async-signal-safe calls.  That it could not be executed is told by its end.
[[noreturn]] void become_helper(int program, int socket, int page, pid_t daemon) noexcept
{
    static char name[] = "roleswap-keeper";
    static char word[] = "spawn";
    char* arguments[] = {name, word, nullptr};
    char* environment[] = {nullptr};
    // Above 2 first, where they may be.
    const int high_socket = ::fcntl(socket, F_DUPFD_CLOEXEC, 3);
    const int high_page = ::fcntl(page, F_DUPFD_CLOEXEC, 3);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setsid(); // out of reach of what the daemon's terminal or process group is sent
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() == daemon && ::dup2(high_socket, spawn_socket) >= 0 &&
        ::dup2(high_page, spawn_page) >= 0 && ::chdir("/") == 0) {
        ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC); // whatever anybody forgot to mark
        ::syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
    }
    ::_exit(exit_not_executed);
}

std::string describe(int status)
{
    if (WIFSIGNALED(status))
        return fmt::format("was ended by signal {} ({})", WTERMSIG(status),
                           ::strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) == exit_not_executed) return "could not be executed";
    return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

} // namespace

void SpawnHelper::Unmap::operator()(SpawnPage* page) const noexcept
{
    ::munmap(page, sizeof *page);
}

SpawnHelper::SpawnHelper(event::Loop& loop, int program, const Cgroup& group, Events events)
    : events_(std::move(events)), group_(group),
      memory_(event::check(::memfd_create("roleswap-spawn", MFD_CLOEXEC), "make a file in memory"))
{
    event::check(::ftruncate(memory_.get(), sizeof(SpawnPage)), "size a file in memory");
    void* page =
        ::mmap(nullptr, sizeof(SpawnPage), PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
    event::check(page == MAP_FAILED ? -1 : 0, "map a file in memory");
    page_.reset(static_cast<SpawnPage*>(page));
    std::array<int, 2> ends{};
    event::check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()),
                 "make a socket pair");
    socket_ = event::UniqueFd(ends[0]);
    const event::UniqueFd other(ends[1]);
    group_.create();
    launch(program, other.get(), group_.open().get());
    socket_io_ = std::make_unique<event::Io>(
        loop, socket_.get(), EPOLLIN, [this](std::uint32_t ready_for) { ready(ready_for); },
        event::Priority::low);
    process_io_ = std::make_unique<event::Io>(
        loop, process_.get(), EPOLLIN, [this](std::uint32_t) { ended(); }, event::Priority::low);
}

/// In its cgroup from the first moment on, so that whoever kills the tasks kills it, too.
void SpawnHelper::launch(int program, int socket, int group)
{
    const pid_t daemon = ::getpid();
    pid_ = clone_process(group);
    if (pid_ == 0) become_helper(program, socket, memory_.get(), daemon);
    event::check(pid_, "start roleswap-keeper");
    process_ = event::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (process_) return;
    const int error = errno;
    kill();
    ::waitpid(pid_, nullptr, 0);
    throw std::system_error(error, std::generic_category(), "watch roleswap-keeper");
}

SpawnHelper::~SpawnHelper()
{
    kill();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    group_.remove();
}

bool SpawnHelper::send(std::size_t slot, const std::string& folder, const Plan& plan)
{
    page_->pids.at(slot) = 0;
    if (send_spawn(socket_.get(), slot, folder, plan)) return true;
    full_ = true;
    socket_io_->set_events(EPOLLIN | EPOLLOUT);
    return false;
}

Cloned SpawnHelper::cloned(std::size_t slot) const
{
    const std::chrono::microseconds time(page_->times.at(slot));
    return {page_->pids.at(slot), std::chrono::system_clock::time_point(time)};
}

void SpawnHelper::kill() noexcept
{
    if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void SpawnHelper::ready(std::uint32_t events)
{
    if ((events & EPOLLIN) != 0) read_answers();
    if ((events & EPOLLOUT) != 0 && std::exchange(full_, false)) socket_io_->set_events(EPOLLIN);
    if ((events & EPOLLHUP) != 0) {
        socket_io_.reset(); // that it is dead is told by its process
        return kill();
    }
    events_.on_room();
}

void SpawnHelper::read_answers()
{
    SpawnAnswer answer;
    for (;;) {
        const auto got = ::recv(socket_.get(), &answer, sizeof answer, MSG_DONTWAIT);
        if (got < 0 && errno == ECONNRESET) continue; // told once, before what it has sent
        if (got != ssize_t{sizeof answer}) return;
        events_.on_answer(answer);
    }
}

void SpawnHelper::ended()
{
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
    pid_ = -1;
    process_io_.reset();
    socket_io_.reset();
    read_answers();
    const auto on_gone = std::move(events_.on_gone);
    on_gone(describe(status));
}

} // namespace roleswap::run
