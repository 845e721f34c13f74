#pragma once
#include "event/loop.hpp"
#include "run/cgroup.hpp"
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace roleswap::run {

/// The cgroups of direct runs: some are made before they are wanted, and those of runs that are
/// over are removed a little later.  A worker of the kernel, of ordinary priority, reads the tree
/// of cgroups whenever one gets its first process or loses its last, and where many tasks have just
/// been started it waits for its turn among them, with the lock of the tree in its hand.  Whoever
/// makes or removes a cgroup then waits with it, whatever its own priority: 75 to 110 ms were
/// seen with 200 tasks on two processors.  So while those of one moment start, none is made nor
/// removed: none is made until all starts are 300 ms old, and each is removed so long after its
/// end. Pinned.
class TaskGroups {
public:
    /// `root`: as it is when one is wanted; empty: there are none.
    TaskGroups(event::Loop& loop, const std::optional<Cgroup>& root);

    /// From now on the root is there and nobody else's.
    void begin();
    /// For one run.  It may not exist yet: who clones into it makes it then.
    Cgroup take();
    /// No process is in it.
    void give_back(Cgroup group);
    /// Something has killed all that is in the root: who is cloned into a cgroup that was there
    /// already may be killed, too.
    void discard();

private:
    struct Ended {
        Cgroup group;
        event::Duration until;
    };
    Cgroup numbered(std::uint64_t number) const;
    void work_in(event::Duration time);
    void work();
    void remove_some(event::Duration end);
    void make_some(event::Duration end);

    const std::optional<Cgroup>& root_;
    std::uint64_t taken_ = 0;       ///< up to this number they were given out
    std::uint64_t made_ = 0;        ///< up to this they are there
    bool makes_ = false;            ///< there is to be a reserve
    event::Duration quiet_from_{0}; ///< until then a start may be under way
    std::deque<Ended> ended_;       ///< in this order
    event::Timer timer_;
};

} // namespace roleswap::run
