#include "event/worker.hpp"
#include <csignal>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace roleswap::event {

Worker::Worker(Loop& loop)
    : signal_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "make an eventfd")),
      io_(loop, signal_.get(), EPOLLIN, [this](std::uint32_t) { collect(); })
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // signals belong to the loop
    thread_ = std::thread([this] { work_off(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Worker::~Worker()
{
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Worker::run(std::function<void()> work, std::function<void()> done)
{
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({std::move(work), std::move(done), nullptr});
    }
    wake_.notify_one();
}

void Worker::work_off()
{
    for (;;) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        Piece piece = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        try {
            piece.work();
        } catch (...) {
            piece.failure = std::current_exception();
        }
        lock.lock();
        finished_.push_back(std::move(piece));
        ::eventfd_write(signal_.get(), 1);
    }
}

void Worker::collect()
{
    eventfd_t count = 0;
    ::eventfd_read(signal_.get(), &count);
    std::deque<Piece> finished;
    {
        const std::lock_guard lock(mutex_);
        finished.swap(finished_);
    }
    for (auto& piece : finished) {
        if (piece.failure) std::rethrow_exception(piece.failure);
        if (piece.done) piece.done();
    }
}

} // namespace roleswap::event
