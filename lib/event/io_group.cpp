#include "event/io_group.hpp"
#include <algorithm>
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

/// While some were not ready yet there is another look: what comes while the first are served
/// belongs to this turn too, and the loop does not begin another, or sleep and wake, for it.
void IoGroup::ready()
{
    std::size_t served = 0;
    for (std::size_t more = look(); more > 0; more = served < members_ ? look() : 0) served += more;
    on_end_();
}

/// More than these are ready again at the next look.
std::size_t IoGroup::look()
{
    std::array<epoll_event, 16> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int at = 0; at < count; ++at) on_ready_(events.at(static_cast<std::size_t>(at)).data.u64);
    return static_cast<std::size_t>(std::max(count, 0));
}

IoGroup::Member::Member(IoGroup& group, int fd, std::size_t key) : group_(group), fd_(fd)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    check(::epoll_ctl(group.epoll_.get(), EPOLL_CTL_ADD, fd, &event), "watch a descriptor");
    ++group.members_;
}

IoGroup::Member::~Member()
{
    ::epoll_ctl(group_.epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
    --group_.members_;
}

} // namespace roleswap::event
