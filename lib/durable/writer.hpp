#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace roleswap::durable {

/// Runs blocking file work (fsync can take most of a second on a busy disk) beside the loop, one
/// piece after another in the order given, and calls back on the loop.  This is the only thread
/// next to the loop; it touches nothing but files.  An error of a piece of work ends the loop: a
/// node that cannot write its record must not act.  Pinned.
class Writer {
public:
    explicit Writer(event::Loop& loop);
    /// Finishes what was queued; callbacks are not called any more.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void run(std::function<void()> work, std::function<void()> done);

private:
    struct Piece {
        std::function<void()> work;
        std::function<void()> done;
        std::exception_ptr failure;
    };
    void work_off();
    void collect();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Piece> waiting_;
    std::deque<Piece> finished_;
    bool ending_ = false;
    event::UniqueFd signal_;
    event::Io io_;
    std::thread thread_;
};

} // namespace roleswap::durable
