#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace roleswap::event {

/// A thread beside the loop for what would hold it too long: file work that blocks, and
/// calculations that cannot be cut.  One piece after another in the order given; calls back on the
/// loop.  A piece touches only what was given to it and nobody else uses meanwhile.  What a piece
/// throws ends the loop.  Pinned.
class Worker {
public:
    explicit Worker(Loop& loop);
    /// Finishes what was queued; callbacks are not called any more.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

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
    UniqueFd signal_;
    Io io_;
    std::thread thread_;
};

} // namespace roleswap::event
