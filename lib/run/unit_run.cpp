#include "run/unit_run.hpp"
#include "run/child.hpp"
#include "run/passing.hpp"
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace roleswap::run {
namespace {

struct Sockets {
    event::UniqueFd own;
    event::UniqueFd other;
};

/// Each message of the other side comes with its process id, by the kernel's word (unix(7)).
Sockets make_sockets()
{
    std::array<int, 2> ends{};
    event::check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()),
                 "make a socket pair");
    Sockets sockets{event::UniqueFd(ends[0]), event::UniqueFd(ends[1])};
    const int on = 1;
    event::check(::setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on),
                 "ask for process ids");
    return sockets;
}

struct Heard {
    ssize_t size = 0; ///< 0: the other side is gone; negative: nothing
    pid_t pid = 0;
    Report report;
    char word = 0;
};

Heard receive(int socket)
{
    Heard heard;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> extra{};
    iovec place{&heard.report, sizeof heard.report};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = extra.data();
    message.msg_controllen = extra.size();
    heard.size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (heard.size <= 0) return heard;
    std::memcpy(&heard.word, &heard.report, 1);
    const auto* head = CMSG_FIRSTHDR(&message);
    if (head == nullptr || head->cmsg_type != SCM_CREDENTIALS) return heard;
    ucred who{};
    std::memcpy(&who, CMSG_DATA(head), sizeof who);
    heard.pid = who.pid;
    return heard;
}

} // namespace

UnitRun::UnitRun(const Surroundings& around, RunSpec spec, std::uint64_t number)
    : LiveRun(around, std::move(spec), around.known_units),
      unit_(around.units.name_of(spec_.id, number)), later_(around.loop, [this] { tree_dead(); })
{
    const auto& place = around.units.place();
    if (!place.why.empty())
        throw std::runtime_error(
            fmt::format("its transient unit cannot be made: {}; {}", place.why, place.fix));
    if (const auto missing = missing_limits(*spec_.unit); !missing.empty())
        throw std::runtime_error(fmt::format(
            "not started: {} would not be enforced, this machine has no cgroup controller \"{}\"",
            missing.front().field, missing.front().controller));
    plan_ = std::make_unique<Plan>(spec_,
                                   around.accounts.find(spec_.user, spec_.group, spec_.groups), "");
    auto output = make_pipe();
    auto sockets = make_sockets();
    control_ = std::move(sockets.own);
    output_ = std::move(output.write);
    control_io_ = std::make_unique<event::Io>(
        around.loop, control_.get(), EPOLLIN, [this](std::uint32_t) { heard(); },
        event::Priority::low);
    begin(std::move(output.read));
    around.units.start({unit_, spec_, sockets.other.get()}, *this); // last: it knows this from now
}

UnitRun::~UnitRun()
{
    around_.units.leave(unit_);
}

void UnitRun::unit_started(const std::string& trouble)
{
    if (stage_ != Stage::asked) return;
    job_done_ = true;
    if (!trouble.empty()) return give_up(fmt::format("its transient unit: {}", trouble));
    if (!control_io_) ended_early();
}

void UnitRun::ended_early()
{
    give_up("its transient unit was ended before it began");
}

void UnitRun::heard()
{
    while (control_) {
        const auto heard = receive(control_.get());
        if (heard.size < 0 && errno == EAGAIN) return;
        if (heard.size <= 0) {
            control_io_.reset();
            // Why it did not begin is told with its job; the keeper's end is seen by itself.
            if (stage_ == Stage::asked && job_done_) ended_early();
            return;
        }
        if (heard.size == 1 && heard.word == say_here && stage_ == Stage::asked)
            keeper_is_here(heard.pid);
        if (heard.size != ssize_t{sizeof heard.report} || stage_ != Stage::begun) continue;
        if (heard.report.kind == Report::Kind::not_started) {
            take_failure(heard.report);
            continue; // that the process which failed has ended comes next
        }
        if (end_.started) take_usage(heard.report);
        main_ended();
    }
}

/// The process was held before it was looked at: in the cgroup of this unit it is the one that
/// spoke.
void UnitRun::keeper_is_here(pid_t pid)
{
    keeper_ = event::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const auto wanted = around_.units.place().folder + "/" + unit_;
    try {
        const auto group = cgroup_mount() + cgroup_of(std::to_string(pid));
        if (!keeper_ || group != wanted)
            return give_up(fmt::format("its transient unit is in {} and not in {}, where the guard "
                                       "of this node could end it",
                                       group, wanted));
        if (around_.settings.too_late && around_.settings.too_late())
            return give_up("not started: the guard of this node has fired");
        keeper_io_ = std::make_unique<event::Io>(
            around_.loop, keeper_.get(), EPOLLIN, [this](std::uint32_t) { keeper_ended(); },
            event::Priority::low);
        send_plan();
    } catch (const std::runtime_error& error) { // it has been killed meanwhile, or memory is short
        return give_up(fmt::format("its transient unit: {}", error.what()));
    }
    cgroup_.emplace(wanted);
    stage_ = Stage::begun;
}

void UnitRun::send_plan()
{
    plan_->account.change = false; // systemd has seen to that
    plan_->limits.clear();         // and to these
    const auto text = memory_file("roleswap-plan", plan_->packed());
    const std::array<int, 3> passed{text.get(), plan_->input.get(), output_.get()};
    if (!send_packet(control_.get(), {&say_plan, 1}, passed))
        throw std::runtime_error("its keeper does not read");
    plan_.reset();
    output_.reset();
}

void UnitRun::main_ended()
{
    stage_ = Stage::ended;
    timer_ = std::make_unique<event::Timer>(around_.loop, [this] { kill_tree(); });
    timer_->start_in(around_.settings.term_grace); // it may have been stopped
    end_tree();
}

/// The keeper is left where it is alone: systemd finds that a unit ended well.
void UnitRun::end_tree()
{
    take_last_figures();
    const auto processes = cgroup_->processes();
    if (processes <= 1) {
        say(say_quit);
    } else {
        note_left(processes - 1);
        kill_tree();
    }
}

void UnitRun::keeper_ended()
{
    keeper_io_.reset();
    timer_.reset();
    if (control_io_) heard(); // its report may be there
    if (stage_ == Stage::begun) {
        end_.signal = SIGKILL;
        if (end_.killed == Killed::no) note("its unit was ended from outside");
    }
    stage_ = Stage::ended;
    kill_tree();
    await_empty();
}

void UnitRun::give_up(std::string why)
{
    stage_ = Stage::given_up;
    keeper_io_.reset();
    control_io_.reset();
    control_.reset(); // the keeper, should it ever come, ends itself
    end_.started = false;
    if (end_.killed == Killed::no) {
        end_.code = 126;
        end_.why = std::move(why);
    }
    later_.trigger();
}

/// While the cgroup is there: systemd takes it away when it is empty.  The limits that were met are
/// in memory.events and pids.events (cgroup-v2.rst).
void UnitRun::take_last_figures()
{
    if (std::exchange(taken_, true)) return;
    take_figures();
    if (cgroup_->number("memory.events", "oom_kill ").value_or(0) > 0)
        note("it met its limit of memory (memory_max)");
    if (cgroup_->number("pids.events", "max ").value_or(0) > 0)
        note("it met its limit of processes (tasks_max)");
}

void UnitRun::say(char word) noexcept
{
    [[maybe_unused]] const auto sent =
        ::send(control_.get(), &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void UnitRun::terminate() noexcept
{
    if (stage_ == Stage::asked)
        give_up({});
    else
        say(say_terminate);
}

void UnitRun::kill_tree()
{
    if (stage_ == Stage::asked) return give_up({});
    if (!cgroup_ || stage_ == Stage::given_up) return;
    take_last_figures();
    cgroup_->kill_if_there();
}

} // namespace roleswap::run
