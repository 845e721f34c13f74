#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"

namespace roleswap::event {

/// Descriptors that often become readable at nearly the same time: all that are have one turn of
/// the loop together.  Pinned.
class IoGroup {
public:
    /// `on_ready` is called for each that is readable, with its key, then `on_end` once.  One may
    /// be called for a descriptor that was taken out in the same turn.
    IoGroup(Loop& loop, std::function<void(std::size_t key)> on_ready,
            std::function<void()> on_end);
    IoGroup(const IoGroup&) = delete;
    IoGroup& operator=(const IoGroup&) = delete;

    /// A descriptor is in the group for as long as this lives; it stays its owner's.
    class Member {
    public:
        Member(IoGroup& group, int fd, std::size_t key);
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;
        ~Member();

    private:
        IoGroup& group_;
        int fd_;
    };

private:
    void ready();
    std::size_t look();
    std::function<void(std::size_t)> on_ready_;
    std::function<void()> on_end_;
    std::size_t members_ = 0;
    UniqueFd epoll_;
    Io io_;
};

} // namespace roleswap::event
