#include "event/io_group.hpp"
#include <array>
#include <sys/epoll.h>

namespace roleswap::event {

IoGroup::IoGroup(Loop& loop, std::function<void(std::size_t key)> on_ready,
                 std::function<void()> on_end)
    : on_ready_(std::move(on_ready)), on_end_(std::move(on_end)),
      epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "make an epoll descriptor")),
      io_(loop, epoll_.get(), EPOLLIN, [this](std::uint32_t) { ready(); })
{
}

/// More than these are ready again at the next turn.
void IoGroup::ready()
{
    std::array<epoll_event, 16> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int at = 0; at < count; ++at) on_ready_(events.at(static_cast<std::size_t>(at)).data.u64);
    on_end_();
}

IoGroup::Member::Member(IoGroup& group, int fd, std::size_t key) : group_(group), fd_(fd)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    check(::epoll_ctl(group.epoll_.get(), EPOLL_CTL_ADD, fd, &event), "watch a descriptor");
}

IoGroup::Member::~Member()
{
    ::epoll_ctl(group_.epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
}

} // namespace roleswap::event
