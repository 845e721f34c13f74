#pragma once
#include "event/loop.hpp"
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace roleswap::store {

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::exception_ptr failure{};

    struct Final {
        bool await_ready() const noexcept { return false; }
        template <typename Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept
        {
            return done.promise().continuation;
        }
        void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <typename Value> struct Promise : PromiseBase {
    std::optional<Value> value{};
    void return_value(Value result) { value = std::move(result); }
    Value take() { return std::move(*value); }
};
template <> struct Promise<void> : PromiseBase {
    void return_void() const noexcept {}
    void take() const noexcept {}
};

} // namespace detail

/// A step-by-step piece of work that waits on the loop: a coroutine, started when awaited, whose
/// frame (and all it awaits) goes when this is destroyed.  What it throws, its awaiter throws.
template <typename Value = void> class [[nodiscard]] Task {
public:
    struct promise_type : detail::Promise<Value> {
        Task get_return_object()
        {
            return Task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
    };

    Task() = default;
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    Task(Task&& from) noexcept : handle_(std::exchange(from.handle_, {})) {}
    Task& operator=(Task&& from) noexcept
    {
        std::swap(handle_, from.handle_);
        return *this;
    }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task()
    {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept
    {
        handle_.promise().continuation = awaiting;
        return handle_;
    }
    Value await_resume()
    {
        if (handle_.promise().failure) std::rethrow_exception(handle_.promise().failure);
        return handle_.promise().take();
    }

    std::coroutine_handle<promise_type> handle() const { return handle_; }

private:
    std::coroutine_handle<promise_type> handle_;
};

/// Runs one Task at a time; starting another drops the one before, wherever it waits.  An answer
/// that comes for a dropped task is ignored by its ticket.  Not to be touched from inside its own
/// task.  Pinned.
class Sequencer {
public:
    using OnFailure = std::function<void(const std::exception&)>;
    Sequencer(event::Loop& loop, OnFailure on_failure);
    Sequencer(const Sequencer&) = delete;
    Sequencer& operator=(const Sequencer&) = delete;

    void start(Task<> task);
    void cancel();
    bool busy() const { return static_cast<bool>(task_.handle()); }

    /// Hands the awaited value to the task, unless that was dropped meanwhile.
    template <typename Value> struct Resume {
        Sequencer* sequencer;
        std::uint64_t ticket;
        std::optional<Value>* slot;
        void operator()(Value value) const
        {
            if (sequencer->ticket_ != ticket) return;
            *slot = std::move(value);
            sequencer->resume();
        }
    };
    /// co_await wait<Value>(begin): `begin` gets the Resume to call later, not at once.
    template <typename Value> struct Awaiter {
        Sequencer& sequencer;
        std::function<void(Resume<Value>)> begin;
        std::optional<Value> value{};
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting)
        {
            sequencer.waiting_ = waiting;
            begin({&sequencer, ++sequencer.ticket_, &value});
        }
        Value await_resume() { return std::move(*value); }
    };
    template <typename Value> Awaiter<Value> wait(std::function<void(Resume<Value>)> begin)
    {
        return {*this, std::move(begin)};
    }
    Awaiter<bool> sleep(event::Duration delay);
    /// A sleep that is under way ends at the next turn of the loop.
    void wake();

private:
    void resume();
    void run(std::coroutine_handle<> handle);
    OnFailure on_failure_;
    std::uint64_t ticket_ = 0;
    std::coroutine_handle<> waiting_;
    std::function<void()> on_time_;
    Task<> task_;
    event::Timer timer_;
};

} // namespace roleswap::store
