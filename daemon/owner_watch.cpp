#include "owner_watch.hpp"
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace roleswap::daemon {

void OwnerWatch::watch(pid_t pid, std::function<void()> on_death)
{
    forget();
    pid_ = pid;
    on_death_ = std::move(on_death);
    pidfd_ = event::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (pidfd_) {
        io_ = std::make_unique<event::Io>(loop_, pidfd_.get(), EPOLLIN,
                                          [this](std::uint32_t) { died(); });
        return;
    }
    gone_ = std::make_unique<event::Deferred>(loop_, [this] { died(); });
    gone_->trigger();
}

void OwnerWatch::forget()
{
    io_.reset();
    gone_.reset();
    pidfd_.reset();
    on_death_ = {};
    pid_ = 0;
}

void OwnerWatch::died()
{
    const auto on_death = std::move(on_death_);
    forget();
    on_death();
}

} // namespace roleswap::daemon
