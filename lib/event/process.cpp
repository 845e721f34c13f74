#include "event/process.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <string_view>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace roleswap::event {
namespace {

constexpr std::size_t tail_bytes_max = 16 * 1024;

constexpr int first_descriptor = 3;
constexpr std::size_t descriptors_max = 8;
constexpr int spare_descriptor =
    first_descriptor + static_cast<int>(descriptors_max); ///< above all targets

struct Prepared {
    std::vector<char*> argv;
    std::vector<char*> environment;
    UniqueFd cgroup; ///< its cgroup.procs
};

/// Of two entries of one name getenv(3) sees the first and a shell the last, so one must go.
bool replaced(const Command& command, std::string_view entry)
{
    const auto name = entry.substr(0, entry.find('=') + 1);
    return std::ranges::any_of(command.environment,
                               [&](std::string_view given) { return given.starts_with(name); });
}

/// What systemd told the daemon alone (sd_notify(3)): a helper must not speak in its name.
bool is_for_the_daemon(std::string_view entry)
{
    return entry.starts_with("NOTIFY_SOCKET=") || entry.starts_with("WATCHDOG_");
}

Prepared prepare(const Command& command)
{
    Prepared prepared;
    for (const auto& word : command.argv) prepared.argv.push_back(const_cast<char*>(word.c_str()));
    prepared.argv.push_back(nullptr);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (!replaced(command, *entry) && !is_for_the_daemon(*entry))
            prepared.environment.push_back(*entry);
    }
    for (const auto& entry : command.environment)
        prepared.environment.push_back(const_cast<char*>(entry.c_str()));
    prepared.environment.push_back(nullptr);
    if (!command.cgroup.empty()) {
        const auto path = command.cgroup + "/cgroup.procs";
        prepared.cgroup =
            UniqueFd(check(::open(path.c_str(), O_WRONLY | O_CLOEXEC), "open " + path));
    }
    return prepared;
}

/// Async-signal-safe.  Copies first, so that none is overwritten before its turn; the error pipe
/// among them.
bool give_descriptors(const std::vector<int>& descriptors, int& error)
{
    std::array<int, descriptors_max> copies{};
    error = ::fcntl(error, F_DUPFD_CLOEXEC, spare_descriptor);
    bool ok = error >= 0;
    for (std::size_t i = 0; ok && i < descriptors.size(); ++i) {
        copies[i] = ::fcntl(descriptors[i], F_DUPFD_CLOEXEC, spare_descriptor);
        ok = copies[i] >= 0;
    }
    for (std::size_t i = 0; ok && i < descriptors.size(); ++i)
        ok = ::dup2(copies[i], first_descriptor + static_cast<int>(i)) >= 0;
    return ok;
}

/// What the child shall read, in memory; empty where that is nothing.
UniqueFd make_input(const std::string& text)
{
    if (text.empty()) return {};
    UniqueFd file(check(::memfd_create("input", MFD_CLOEXEC), "make a file in memory"));
    const auto written = check(static_cast<int>(::write(file.get(), text.data(), text.size())),
                               "write the input of a process");
    if (static_cast<std::size_t>(written) != text.size())
        throw std::system_error(ENOSPC, std::generic_category(), "write the input of a process");
    check(static_cast<int>(::lseek(file.get(), 0, SEEK_SET)), "rewind the input of a process");
    return file;
}

/// Descriptors of the child.
struct Streams {
    int input; ///< -1: /dev/null
    int output;
    int error; ///< where a failed start is told
};

/// Runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const Command& command, const Prepared& prepared, const Streams& streams,
                         pid_t parent)
{
    int error = streams.error;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
    const int input =
        streams.input >= 0 ? streams.input : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ok =
        ::dup2(input, 0) == 0 && ::dup2(streams.output, 1) == 1 && ::dup2(streams.output, 2) == 2;
    ok = ok && ::setpgid(0, 0) == 0 && ::chdir(command.directory.c_str()) == 0;
    if (ok && prepared.cgroup) ok = ::write(prepared.cgroup.get(), "0", 1) == 1; // "0": the writer
    if (ok && !command.descriptors.empty()) ok = give_descriptors(command.descriptors, error);
    if (ok && command.as && ::geteuid() == 0)
        ok = ::setgroups(0, nullptr) == 0 && ::setgid(command.as->gid) == 0 &&
             ::setuid(command.as->uid) == 0;
    if (ok && command.death_signal != 0) { // after setuid, which clears it
        ok = ::prctl(PR_SET_PDEATHSIG, command.death_signal) == 0 && ::getppid() == parent;
    }
    if (ok) ::execve(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
    const int why = errno;
    [[maybe_unused]] const auto written = ::write(error, &why, sizeof why);
    ::_exit(127);
}

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Pipe make_pipe()
{
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

} // namespace

UserId find_user(const std::string& name)
{
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr)
        throw std::runtime_error(fmt::format("user \"{}\" does not exist on this machine", name));
    return {found->pw_uid, found->pw_gid};
}

std::string Ended::describe() const
{
    auto text = std::string_view(output);
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    const auto start = text.rfind('\n');
    if (start != std::string_view::npos) text.remove_prefix(start + 1);
    return fmt::format("{} {}{}{}", exited ? "exit code" : "signal", status,
                       text.empty() ? "" : ": ", text);
}

Process::Process(Loop& loop, const Command& command, OnEnd on_end, OnOutput on_output)
    : on_end_(std::move(on_end)), on_output_(std::move(on_output))
{
    base::ensure(command.descriptors.size() <= descriptors_max, "too many descriptors to hand on");
    auto output = make_pipe();
    auto error = make_pipe();
    const auto input = make_input(command.input);
    const auto prepared = prepare(command);
    const pid_t parent = ::getpid();
    pid_ = check(::fork(), "fork");
    if (pid_ == 0)
        become(command, prepared, {input.get(), output.write.get(), error.write.get()}, parent);
    error.write.reset();
    output.write.reset();
    int why = 0;
    const auto got = ::read(error.read.get(), &why, sizeof why);
    if (got == static_cast<ssize_t>(sizeof why)) {
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
        throw std::system_error(why, std::generic_category(), "start " + command.argv.at(0));
    }
    output_ = std::move(output.read);
    check(::fcntl(output_.get(), F_SETFL, O_NONBLOCK), "set non-blocking");
    io_ = std::make_unique<Io>(loop, output_.get(), EPOLLIN,
                               [this](std::uint32_t) { read_output(); });
    child_ =
        std::make_unique<Child>(loop, pid_, [this](int code, int status) { ended(code, status); });
}

void Process::signal(int number) noexcept
{
    if (running_) ::kill(pid_, number);
}

void Process::signal_all(int number) noexcept
{
    if (running_) ::kill(-pid_, number);
}

void Process::read_output()
{
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto got = ::read(output_.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            if (got == 0) io_.reset(); // end of file: nobody writes any more
            return;
        }
        const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
        tail_.append(text);
        if (tail_.size() > tail_bytes_max) tail_.erase(0, tail_.size() - tail_bytes_max);
        if (on_output_) on_output_(text);
    }
}

void Process::ended(int code, int status)
{
    running_ = false;
    if (io_) read_output();
    io_.reset();
    const auto on_end = std::move(on_end_); // the callback may destroy this process
    const Ended ended{code == CLD_EXITED, status, std::move(tail_)};
    on_end(ended);
}

} // namespace roleswap::event
