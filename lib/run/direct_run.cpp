#include "run/direct_run.hpp"
#include "run/leftovers.hpp"
#include "run/task_groups.hpp"
#include <csignal>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

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
    : LiveRun(around, std::move(spec), around.known),
      later_(
          around.loop, [this] { tree_dead(); }, event::Priority::low)
{
    if (around.task_root)
        cgroup_ = around.groups.take();
    else
        marker_ = fmt::format("{}={}.{}.{}", marker_name, around.settings.name, ::getpid(), number);
    plan_ = std::make_unique<Plan>(
        spec_, around.accounts.find(spec_.user, spec_.group, spec_.groups), marker_);
    around.spawner.start(*this); // last: it knows this from now
}

DirectRun::~DirectRun()
{
    if (stage_ == Stage::starting) around_.spawner.forget(*this);
}

/// Descriptors are made only now: of those that wait there may be many.
std::optional<Spawner::Order> DirectRun::order()
{
    const auto& too_late = around_.settings.too_late;
    try {
        if (end_.killed == Killed::no && too_late && too_late())
            throw std::runtime_error("not started: the guard of this node has fired");
        if (end_.killed == Killed::no) make_pipes();
    } catch (const std::runtime_error& error) {
        give_up(error.what());
    }
    if (end_.killed != Killed::no) give_up({});
    if (stage_ == Stage::given_up) return std::nullopt;
    return Spawner::Order{*plan_, cgroup_ ? cgroup_->path() : ""};
}

void DirectRun::make_pipes()
{
    if (output_.read) return; // a helper died before it came to this one
    auto report = make_pipe();
    output_ = make_pipe();
    report_pipe_ = std::move(report.read);
    report_write_ = std::move(report.write);
    plan_->output = output_.write.get();
    plan_->report = report_write_.get();
}

void DirectRun::spawned(const Cloned& child)
{
    pid_ = child.pid;
    stage_ = Stage::begun;
    began_at(child.at);
    plan_.reset();
    output_.write.reset();
    report_write_.reset();
    begin(std::move(output_.read));
    watch_process();
    if (end_.killed != Killed::no) kill_tree(); // it was asked for meanwhile
}

/// It is a child that nobody has waited for, so the number is still its own.
void DirectRun::watch_process()
{
    process_ = event::UniqueFd(event::check(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)),
                                            "watch the process of a task"));
    process_io_ = std::make_unique<event::IoCrowd::Member>(around_.crowd, process_.get(),
                                                           [this] { main_ended(); });
}

void DirectRun::not_spawned(const std::string& why)
{
    give_up(end_.killed == Killed::no ? why : "");
}

void DirectRun::give_up(const std::string& why)
{
    stage_ = Stage::given_up;
    plan_.reset();
    if (cgroup_) cgroup_->remove();
    cgroup_.reset();
    end_.started = false;
    if (end_.killed == Killed::no) {
        end_.code = 126;
        end_.why = why;
    }
    later_.trigger();
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

/// What the main process left behind must not live on.
void DirectRun::end_tree()
{
    if (cgroup_->surely_empty() || cgroup_->remove_if_empty()) return tree_dead();
    note_left(cgroup_->processes());
    cgroup_->kill();
    await_empty();
}

void DirectRun::last_look()
{
    if (!cgroup_) return;
    take_figures();
    around_.groups.give_back(*std::exchange(cgroup_, std::nullopt));
}

void DirectRun::terminate() noexcept
{
    if (stage_ == Stage::starting) return kill_tree(); // there is nobody who could heed a signal
    if (pid_ < 0) return;
    if (!cgroup_)
        ::kill(pid_, SIGUSR1); // the keeper passes it on
    else if (::kill(-pid_, SIGTERM) != 0)
        ::kill(pid_, SIGTERM); // has not made its process group yet
}

void DirectRun::kill_tree()
{
    if (stage_ == Stage::starting) {
        if (!around_.spawner.recall(*this)) give_up({});
    } else if (cgroup_) {
        cgroup_->kill();
    } else if (pid_ >= 0) {
        ::kill(pid_, SIGTERM);
    }
}

} // namespace roleswap::run
