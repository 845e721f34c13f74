#pragma once
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

namespace roleswap::event {

using Duration = std::chrono::microseconds;

struct CloseEvent {
    void operator()(sd_event* event) const noexcept { sd_event_unref(event); }
};
struct CloseSource {
    void operator()(sd_event_source* source) const noexcept
    {
        sd_event_source_disable_unref(source);
    }
};
using SourceHandle = std::unique_ptr<sd_event_source, CloseSource>;

/// Who has the next turn where several are ready: `high` is for what a peer or the guard waits for,
/// `low` for what may come in thousands, such as the ends of tasks.  Within one priority, first
/// come first served.
enum class Priority : std::int8_t { high, normal, low };

/// The one loop of a program.  Blocks SIGCHLD in the constructor, which child sources need.
/// What a callback throws ends the loop; `run` throws it again.
class Loop {
public:
    Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs until `exit`; returns its code.  Rethrows what a callback threw.
    int run();
    void exit(int code) noexcept;
    /// For trampolines: keep the exception that is being handled, and end the loop.
    void fail() noexcept;

    /// CLOCK_BOOTTIME now: goes on while the machine sleeps.
    static Duration now() noexcept;
    sd_event* get() const { return event_.get(); }

private:
    std::unique_ptr<sd_event, CloseEvent> event_;
    std::exception_ptr failure_;
};

/// Calls back once per `start_in`, or again and again after `start_every`.  Pinned.
class Timer {
public:
    Timer(Loop& loop, std::function<void()> callback, Priority priority = Priority::normal);
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void start_in(Duration delay);
    void start_every(Duration period);
    void stop();
    /// From the next start on it may be late by so much, to come in the turn of something else: a
    /// process that sleeps is not woken for it alone.  At first 0.
    void set_slack(Duration slack);
    bool running() const;

private:
    static int trampoline(sd_event_source*, std::uint64_t, void*) noexcept;
    void fire();
    Loop& loop_;
    std::function<void()> callback_;
    Duration period_{0};
    Duration slack_{0};
    SourceHandle source_;
};

/// Calls back with the epoll events that are ready on `fd`, which stays the caller's.  Pinned.
class Io {
public:
    Io(Loop& loop, int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback,
       Priority priority = Priority::normal);
    Io(const Io&) = delete;
    Io& operator=(const Io&) = delete;
    void set_events(std::uint32_t events);

private:
    static int trampoline(sd_event_source*, int, std::uint32_t, void*) noexcept;
    Loop& loop_;
    std::function<void(std::uint32_t)> callback_;
    SourceHandle source_;
};

/// Calls back when the child has ended, and reaps it.  `code` is CLD_EXITED, CLD_KILLED or
/// CLD_DUMPED and `status` the exit code or the signal (siginfo_t, waitid(2)).  Pinned.
class Child {
public:
    Child(Loop& loop, pid_t pid, std::function<void(int code, int status)> callback);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    pid_t pid() const { return pid_; }

private:
    static int trampoline(sd_event_source*, const siginfo_t*, void*) noexcept;
    Loop& loop_;
    pid_t pid_;
    std::function<void(int, int)> callback_;
    SourceHandle source_;
};

/// Runs `callback` once at the next turn of the loop, unless destroyed or stopped before: for work
/// that must not happen inside the caller's frame.  Pinned.
class Deferred {
public:
    Deferred(Loop& loop, std::function<void()> callback, Priority priority = Priority::normal);
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;
    void trigger();

private:
    static int trampoline(sd_event_source*, void*) noexcept;
    Loop& loop_;
    std::function<void()> callback_;
    Priority priority_;
    SourceHandle source_;
};

/// Calls back on a signal of the process, which stays blocked for everything else.  Pinned.
class Signal {
public:
    Signal(Loop& loop, int number, std::function<void()> callback);
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

private:
    static int trampoline(sd_event_source*, const signalfd_siginfo*, void*) noexcept;
    Loop& loop_;
    std::function<void()> callback_;
    SourceHandle source_;
};

} // namespace roleswap::event
