#include "event/io_crowd.hpp"
#include <sys/epoll.h>

namespace roleswap::event {
namespace {

constexpr auto turn_max = std::chrono::microseconds(500); ///< then others have theirs

} // namespace

IoCrowd::IoCrowd(Loop& loop)
    : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "make an epoll descriptor")),
      io_(
          loop, epoll_.get(), EPOLLIN, [this](std::uint32_t) { ready(); }, Priority::low)
{
}

/// One by one: who is asked for goes to the end of the kernel's list, so each has its turn; and who
/// was destroyed meanwhile is not in it any more.
void IoCrowd::ready()
{
    const auto begun = Loop::now();
    epoll_event event{};
    while (Loop::now() - begun < turn_max && ::epoll_wait(epoll_.get(), &event, 1, 0) == 1) {
        const auto callback = static_cast<Member*>(event.data.ptr)->callback_; // may be destroyed
        callback();
    }
}

IoCrowd::Member::Member(IoCrowd& crowd, int fd, std::function<void()> callback)
    : crowd_(crowd), fd_(fd), callback_(std::move(callback))
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    check(::epoll_ctl(crowd_.epoll_.get(), EPOLL_CTL_ADD, fd_, &event), "watch a descriptor");
}

IoCrowd::Member::~Member()
{
    ::epoll_ctl(crowd_.epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
}

} // namespace roleswap::event
