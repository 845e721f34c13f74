#pragma once

namespace roleswap::guard {

/// A cgroup v2 that is killed as a whole (cgroup-v2.rst, cgroup.kill).  Its files are opened at the
/// start; afterwards each act is one system call.
class Group {
public:
    Group() = default;
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    /// False where there is no such cgroup or it cannot be killed.
    bool open(const char* folder) noexcept;
    bool there() const noexcept { return kill_ >= 0; }
    void kill() const noexcept;
    /// Zombies do not count.
    bool populated() const noexcept;
    /// Has POLLPRI when `populated` changed since it was asked.
    int events() const noexcept { return events_; }

private:
    int kill_ = -1;
    int events_ = -1;
};

/// A cgroup v2 that somebody else makes and removes, and may make again: found by its folder each
/// time.  Where it is not, nothing is alive in it.
class ComingGroup {
public:
    ComingGroup() = default;
    /// `folder` is borrowed.
    explicit ComingGroup(const char* folder) : folder_(folder) {}
    void kill() const noexcept;
    bool populated() const noexcept;

private:
    const char* folder_ = nullptr; ///< null: there is none
};

} // namespace roleswap::guard
