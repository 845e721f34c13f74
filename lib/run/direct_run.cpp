#include "run/direct_run.hpp"
#include "run/child.hpp"
#include "run/leftovers.hpp"
#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::run {
namespace {

constexpr auto kill_walk_period = std::chrono::milliseconds(5);

std::int64_t microseconds(const timeval& time)
{
    return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

Report report_of(int status, const rusage& usage)
{
    Report report;
    report.kind = Report::Kind::ended;
    report.status = status;
    report.cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    report.peak_memory_kib = usage.ru_maxrss;
    report.read_bytes = block_bytes * usage.ru_inblock;
    report.written_bytes = block_bytes * usage.ru_oublock;
    return report;
}

} // namespace

DirectRun::DirectRun(const Surroundings& around, RunSpec spec, std::uint64_t number)
    : LiveRun(around, std::move(spec), around.known)
{
    if (around.task_root)
        cgroup_.emplace(fmt::format("{}/run-{}", around.task_root->path(), number));
    else
        marker_ = fmt::format("{}={}.{}.{}", marker_name, around.settings.name, ::getpid(), number);
    Plan plan(spec_, around.accounts.find(spec_.user, spec_.group, spec_.groups), marker_);
    launch(plan);
    process_io_ = std::make_unique<event::Io>(
        around.loop, process_.get(), EPOLLIN, [this](std::uint32_t) { main_ended(); },
        event::Priority::low);
}

void DirectRun::launch(Plan& plan)
{
    auto output = make_pipe();
    auto report = make_pipe();
    plan.output = output.write.get();
    plan.report = report.write.get();
    if (cgroup_) cgroup_->create();
    const auto folder = cgroup_ ? cgroup_->open() : event::UniqueFd();
    int pidfd = -1;
    pid_ = clone_process(&pidfd, folder.get());
    if (pid_ == 0) {
        if (cgroup_) become_task(plan, SIGKILL);
        become_keeper(plan);
    }
    if (pid_ < 0) {
        const int error = errno;
        if (cgroup_) cgroup_->remove();
        throw std::system_error(error, std::generic_category(), "start a process");
    }
    process_ = event::UniqueFd(pidfd);
    report_pipe_ = std::move(report.read);
    begin(std::move(output.read));
}

void DirectRun::main_ended()
{
    int status = 0;
    rusage usage{};
    if (::wait4(pid_, &status, WNOHANG, &usage) != pid_) return;
    pid_ = -1;
    process_io_.reset();
    const auto report = report_of(status, usage);
    if (cgroup_) take_usage(report);
    read_reports();
    if (cgroup_) return end_tree();
    if (reported_) return tree_dead();
    take_usage(report);
    tree_lost();
}

void DirectRun::read_reports()
{
    Report report;
    while (::read(report_pipe_.get(), &report, sizeof report) == ssize_t{sizeof report}) {
        reported_ = true;
        if (report.kind == Report::Kind::not_started)
            take_failure(report);
        else if (end_.started)
            take_usage(report);
    }
}

/// Somebody killed the keeper: what is left of the tree is known by its environment only.
void DirectRun::tree_lost()
{
    if (kill_marked(marker_) == 0) return tree_dead();
    timer_ = std::make_unique<event::Timer>(around_.loop, [this] { tree_lost(); });
    timer_->start_in(kill_walk_period);
}

/// What the main process left behind must not live on.  A cgroup that can be removed is empty.
void DirectRun::end_tree()
{
    take_figures();
    if (cgroup_->remove_if_empty()) {
        cgroup_.reset();
        return tree_dead();
    }
    note_left(cgroup_->processes());
    cgroup_->kill();
    await_empty();
}

void DirectRun::last_look()
{
    if (!cgroup_) return;
    take_figures();
    cgroup_->remove();
}

void DirectRun::terminate() noexcept
{
    if (pid_ < 0) return;
    if (!cgroup_)
        ::kill(pid_, SIGUSR1); // the keeper passes it on
    else if (::kill(-pid_, SIGTERM) != 0)
        ::kill(pid_, SIGTERM); // has not made its process group yet
}

void DirectRun::kill_tree()
{
    if (cgroup_)
        cgroup_->kill();
    else if (pid_ >= 0)
        ::kill(pid_, SIGTERM);
}

} // namespace roleswap::run
