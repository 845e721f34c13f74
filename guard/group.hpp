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

} // namespace roleswap::guard
