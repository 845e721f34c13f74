#include "run/live_run.hpp"
#include "run/obstacles.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <tuple>
#include <unistd.h>

namespace roleswap::run {
namespace {

/// Of output, before others have their turn: each line costs the journal some microseconds, and
/// the heartbeats share this loop.
constexpr std::size_t turn_bytes_max = 16U * 1024;
constexpr std::size_t rest_bytes_max = 1U << 20U; ///< after the tree is dead: a pipe's content

} // namespace

Pipe make_pipe()
{
    std::array<int, 2> ends{};
    event::check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
    Pipe pipe{event::UniqueFd(ends[0]), event::UniqueFd(ends[1])};
    event::check(::fcntl(ends[0], F_SETFL, O_NONBLOCK), "set non-blocking");
    return pipe;
}

LiveRun::LiveRun(const Surroundings& around, RunSpec spec, Known& known)
    : around_(around), spec_(std::move(spec)), known_(known),
      output_(around.settings.output_tail_bytes, [this](std::string_view line) {
          if (spec_.journal)
              around_.on_line(OutputLine{spec_.id, spec_.tag, spec_.due, spec_.attempt, line});
      })
{
    if (around.settings.too_late && around.settings.too_late())
        throw std::runtime_error("not started: the guard of this node has fired");
    if (const auto missing = missing_need(spec_); !missing.empty())
        throw std::runtime_error(missing);
    end_.id = spec_.id;
    end_.started_at = std::chrono::system_clock::now();
    started_ = event::Loop::now();
    if (spec_.timeout.count() <= 0) return;
    timer_ = std::make_unique<event::Timer>(around_.loop, [this] { timed_out(); });
    timer_->start_in(spec_.timeout);
}

LiveRun::~LiveRun() = default;

/// A little ago, when its process was made.
void LiveRun::began_at(std::chrono::system_clock::time_point at)
{
    const auto now = std::chrono::system_clock::now();
    const auto ago = std::chrono::duration_cast<event::Duration>(now - std::min(at, now));
    started_ = std::max(started_, event::Loop::now() - ago);
    end_.started_at = at;
    // Its time counts from there, not from when its start was asked for.
    const auto left = started_ + spec_.timeout - event::Loop::now();
    if (timer_ && end_.killed == Killed::no) timer_->start_in(std::max(left, event::Duration{1}));
}

void LiveRun::begin(event::UniqueFd output)
{
    end_.started = true;
    output_pipe_ = std::move(output);
    output_io_ = std::make_unique<event::IoCrowd::Member>(around_.crowd, output_pipe_.get(),
                                                          [this] { read_output(turn_bytes_max); });
}

void LiveRun::take_failure(const Report& report)
{
    end_.started = false;
    end_.signal.reset();
    end_.code = exit_code_of(report);
    end_.why = explain(report, spec_);
}

void LiveRun::take_usage(const Report& report)
{
    if (WIFEXITED(report.status)) end_.code = WEXITSTATUS(report.status);
    if (WIFSIGNALED(report.status)) end_.signal = WTERMSIG(report.status);
    end_.cpu = event::Duration(report.cpu_us);
    end_.peak_memory_kib = static_cast<std::uint64_t>(report.peak_memory_kib);
    end_.read_bytes = static_cast<std::uint64_t>(report.read_bytes);
    end_.written_bytes = static_cast<std::uint64_t>(report.written_bytes);
}

/// Each file costs three system calls, so none is asked for that is known to be missing.
void LiveRun::take_figures()
{
    end_.cpu = std::max(end_.cpu, event::Duration(cgroup_->cpu_us()));
    if (known_.peak_memory) {
        const auto peak = cgroup_->peak_memory();
        if (peak) end_.peak_memory_kib = *peak / 1024;
        known_.peak_memory = peak.has_value() || !cgroup_->has("cgroup.procs");
    }
    if (!known_.io) return;
    const auto io = cgroup_->io();
    if (io) std::tie(end_.read_bytes, end_.written_bytes) = std::tuple(io->read, io->written);
    known_.io = io.has_value() || !cgroup_->has("cgroup.procs");
}

void LiveRun::note_left(std::size_t processes)
{
    if (processes > 0 && end_.killed == Killed::no)
        note(fmt::format("{} of its processes outlived it and {} killed", processes,
                         processes == 1 ? "was" : "were"));
}

void LiveRun::await_empty()
{
    empty_ = std::make_unique<EmptyWatch>(around_.loop, *cgroup_, [this] { tree_dead(); });
}

void LiveRun::tree_dead()
{
    dead_ = true;
    last_look();
    if (output_io_) read_output(rest_bytes_max);
    output_.finish();
    timer_.reset();
    end_.ended_at = std::chrono::system_clock::now();
    end_.duration = event::Loop::now() - started_;
    end_.output_bytes = output_.bytes();
    end_.output_tail = output_.take_tail();
    if (end_.why.empty()) end_.why = sentence();
    around_.finished(spec_.id); // destroys this
}

std::string LiveRun::sentence() const
{
    auto parts = notes_;
    if (auto first = ending(); !first.empty()) parts.insert(parts.begin(), std::move(first));
    return fmt::format("{}", fmt::join(parts, "; "));
}

std::string LiveRun::ending() const
{
    const auto seconds = static_cast<double>(spec_.timeout.count()) / 1e6;
    switch (end_.killed) {
    case Killed::timed_out:
        return fmt::format("timed out after {} s", seconds);
    case Killed::by_request:
        return "killed by request";
    case Killed::with_all:
        return "killed together with all tasks";
    case Killed::output:
        return fmt::format(
            "killed: it wrote more than {} bytes of output (output_max); let it write "
            "less, or give the task a larger output_max",
            spec_.output_max);
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
        if (spec_.output_max > 0 && output_.bytes() > spec_.output_max && !dead_ &&
            end_.killed == Killed::no)
            kill(Killed::output);
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
        note("it heeded no SIGTERM and was killed");
        kill_tree();
    }
}

void LiveRun::kill(Killed why)
{
    if (end_.killed == Killed::no) end_.killed = why;
    kill_tree();
}

} // namespace roleswap::run
