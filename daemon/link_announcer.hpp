#pragma once
#include "announcer.hpp"
#include "event/loop.hpp"
#include "link/steadiness.hpp"
#include "link/transport.hpp"
#include <vector>

namespace roleswap::daemon {

/// Announces what the links do, and of a link that flaps only how much it does.  Pinned.
class LinkAnnouncer {
public:
    LinkAnnouncer(event::Loop& loop, const link::Transport& transport, Announcer& announcer);

    void changed(std::size_t index, const link::LinkStatus& status);
    bool unsteady(std::size_t index) const { return links_.at(index).steadiness.unsteady(); }

private:
    struct Watched {
        link::Steadiness steadiness;
        double loss = 0; ///< when it was last seen up: while down it is 1, which tells nothing
    };
    void look();
    void say(const link::Steadiness::Verdict& verdict, const link::LinkStatus& status, double loss);

    const link::Transport& transport_;
    Announcer& announcer_;
    std::vector<Watched> links_;
    event::Timer timer_;
};

} // namespace roleswap::daemon
