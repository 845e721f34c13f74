#include "run/live_run.hpp"
#include "run/child.hpp"
#include "run/leftovers.hpp"
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace roleswap::run {
namespace {

/// Of output, before others have their turn: each line costs the journal some microseconds, and
/// the heartbeats share this loop.
constexpr std::size_t turn_bytes_max = 16U * 1024;
constexpr std::size_t rest_bytes_max = 1U << 20U; ///< after the tree is dead: a pipe's content
constexpr auto kill_walk_period = std::chrono::milliseconds(5);

struct Pipe {
    event::UniqueFd read;
    event::UniqueFd write;
};

Pipe make_pipe()
{
    std::array<int, 2> ends{};
    event::check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
    Pipe pipe{event::UniqueFd(ends[0]), event::UniqueFd(ends[1])};
    event::check(::fcntl(ends[0], F_SETFL, O_NONBLOCK), "set non-blocking");
    return pipe;
}

std::int64_t microseconds(const timeval& time)
{
    return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

} // namespace

LiveRun::LiveRun(const Surroundings& around, RunSpec spec, std::uint64_t number)
    : around_(around), spec_(std::move(spec)),
      output_(around.settings.output_tail_bytes, [this](std::string_view line) {
          around_.on_line(OutputLine{spec_.id, spec_.tag, line});
      })
{
    const auto name = fmt::format("{}.{}.{}", around.settings.name, ::getpid(), number);
    end_.id = spec_.id;
    if (around.task_root) {
        cgroup_.emplace(fmt::format("{}/run-{}", around.task_root->path(), number));
    } else {
        marker_ = fmt::format("{}={}", marker_name, name);
    }
    Plan plan(spec_, around.accounts.find(spec_.user, spec_.group), marker_);
    launch(plan);
    end_.started = true;
    process_io_ = std::make_unique<event::Io>(around.loop, process_.get(), EPOLLIN,
                                              [this](std::uint32_t) { main_ended(); });
    output_io_ =
        std::make_unique<event::Io>(around.loop, output_pipe_.get(), EPOLLIN,
                                    [this](std::uint32_t) { read_output(turn_bytes_max); });
    if (spec_.timeout.count() <= 0) return;
    timer_ = std::make_unique<event::Timer>(around.loop, [this] { timed_out(); });
    timer_->start_in(spec_.timeout);
}

void LiveRun::launch(Plan& plan)
{
    auto output = make_pipe();
    auto report = make_pipe();
    plan.output = output.write.get();
    plan.report = report.write.get();
    if (cgroup_) cgroup_->create();
    const auto folder = cgroup_ ? cgroup_->open() : event::UniqueFd();
    end_.started_at = std::chrono::system_clock::now();
    started_ = event::Loop::now();
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
    output_pipe_ = std::move(output.read);
    report_pipe_ = std::move(report.read);
}

void LiveRun::main_ended()
{
    int status = 0;
    rusage usage{};
    if (::wait4(pid_, &status, WNOHANG, &usage) != pid_) return;
    pid_ = -1;
    process_io_.reset();
    Report report;
    report.kind = Report::Kind::ended;
    report.status = status;
    report.cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    report.peak_memory_kib = usage.ru_maxrss;
    if (cgroup_) take_usage(report);
    read_reports();
    if (!cgroup_ && !reported_) {
        take_usage(report);
        tree_lost();
    } else {
        end_tree();
    }
}

void LiveRun::read_reports()
{
    Report report;
    while (::read(report_pipe_.get(), &report, sizeof report) == ssize_t{sizeof report}) {
        if (report.kind == Report::Kind::ended) {
            reported_ = true;
            if (end_.started) take_usage(report);
            continue;
        }
        reported_ = true;
        end_.started = false;
        end_.signal.reset();
        end_.code = exit_code_of(report);
        end_.why = explain(report, spec_);
    }
}

void LiveRun::take_usage(const Report& report)
{
    if (WIFEXITED(report.status)) end_.code = WEXITSTATUS(report.status);
    if (WIFSIGNALED(report.status)) end_.signal = WTERMSIG(report.status);
    end_.cpu = event::Duration(report.cpu_us);
    end_.peak_memory_kib = static_cast<std::uint64_t>(report.peak_memory_kib);
}

/// Somebody killed the keeper: what is left of the tree is known by its environment only.
void LiveRun::tree_lost()
{
    if (kill_marked(marker_) == 0) return tree_dead();
    timer_ = std::make_unique<event::Timer>(around_.loop, [this] { tree_lost(); });
    timer_->start_in(kill_walk_period);
}

/// What the main process left behind must not live on.  A cgroup that can be removed is empty.
void LiveRun::end_tree()
{
    if (!cgroup_) return tree_dead();
    take_figures();
    if (cgroup_->remove_if_empty()) {
        cgroup_.reset();
        return tree_dead();
    }
    cgroup_->kill();
    empty_ = std::make_unique<EmptyWatch>(around_.loop, *cgroup_, [this] { tree_dead(); });
}

void LiveRun::tree_dead()
{
    if (output_io_) read_output(rest_bytes_max);
    output_.finish();
    timer_.reset();
    if (cgroup_) {
        take_figures();
        cgroup_->remove();
    }
    end_.ended_at = std::chrono::system_clock::now();
    end_.duration = event::Loop::now() - started_;
    end_.output_bytes = output_.bytes();
    end_.output_tail = output_.take_tail();
    if (end_.why.empty()) end_.why = sentence();
    around_.finished(spec_.id); // destroys this
}

void LiveRun::take_figures()
{
    end_.cpu = std::max(end_.cpu, event::Duration(cgroup_->cpu_us()));
    if (const auto peak = cgroup_->peak_memory()) end_.peak_memory_kib = *peak / 1024;
}

std::string LiveRun::sentence() const
{
    const auto seconds = static_cast<double>(spec_.timeout.count()) / 1e6;
    switch (end_.killed) {
    case Killed::timed_out:
        return fmt::format("timed out after {} s", seconds);
    case Killed::by_request:
        return "killed by request";
    case Killed::with_all:
        return "killed together with all tasks";
    case Killed::no:
        break;
    }
    if (end_.signal)
        return fmt::format("ended by signal {} ({})", *end_.signal, ::strsignal(*end_.signal));
    return end_.code == 0 ? "" : fmt::format("exit code {}", end_.code.value_or(-1));
}

void LiveRun::read_output(std::size_t bytes_max)
{
    std::array<char, turn_bytes_max> buffer{};
    std::size_t done = 0;
    while (done < bytes_max) {
        const auto got = ::read(output_pipe_.get(), buffer.data(), buffer.size());
        if (got == 0) output_io_.reset();
        if (got <= 0) break;
        done += static_cast<std::size_t>(got);
        output_.feed({buffer.data(), static_cast<std::size_t>(got)});
    }
    if (done > 0 && on_output_) on_output_();
}

void LiveRun::timed_out()
{
    if (end_.killed == Killed::no) {
        end_.killed = Killed::timed_out;
        terminate();
        timer_->start_in(around_.settings.term_grace);
    } else {
        kill_tree();
    }
}

void LiveRun::terminate() noexcept
{
    if (pid_ < 0) return;
    if (!cgroup_)
        ::kill(pid_, SIGUSR1); // the keeper passes it on
    else if (::kill(-pid_, SIGTERM) != 0)
        ::kill(pid_, SIGTERM); // has not made its process group yet
}

void LiveRun::kill(Killed why)
{
    if (end_.killed == Killed::no) end_.killed = why;
    kill_tree();
}

void LiveRun::kill_tree()
{
    if (cgroup_)
        cgroup_->kill();
    else if (pid_ >= 0)
        ::kill(pid_, SIGTERM);
}

} // namespace roleswap::run
