#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"

namespace roleswap::event {

/// Descriptors of which hundreds may be readable at once, and none is urgent: the pipes and ends of
/// tasks.  The loop itself asks the kernel at each turn for all that are, and then has one of them
/// called; here each is asked for once.  They have the loop's turns of low priority.  Pinned.
class IoCrowd {
public:
    explicit IoCrowd(Loop& loop);
    IoCrowd(const IoCrowd&) = delete;
    IoCrowd& operator=(const IoCrowd&) = delete;

    /// Calls back when the descriptor is readable or hung up, for as long as this lives; it stays
    /// its owner's, who closes it later than this.  The callback may destroy any member.  Pinned.
    class Member {
    public:
        Member(IoCrowd& crowd, int fd, std::function<void()> callback);
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;
        ~Member();

    private:
        friend class IoCrowd;
        IoCrowd& crowd_;
        int fd_;
        std::function<void()> callback_;
    };

private:
    void ready();
    UniqueFd epoll_;
    Io io_;
};

} // namespace roleswap::event
