#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::run {

/// One folder of the cgroup v2 hierarchy (Linux Documentation/admin-guide/cgroup-v2.rst).  All
/// functions act by path, so a value is cheap to keep.
class Cgroup {
public:
    explicit Cgroup(std::string path) : path_(std::move(path)) {}
    const std::string& path() const { return path_; }

    /// Throws std::system_error, also when it exists.
    void create() const;
    /// Throws std::system_error.
    void create_if_missing() const;
    /// O_PATH descriptor for CLONE_INTO_CGROUP.  Throws std::system_error.
    event::UniqueFd open() const;
    /// SIGKILL to every process in it and below, newborn ones included.  Throws std::system_error.
    void kill() const;
    /// The same for one that systemd may have removed, because it was empty.
    void kill_if_there() const;
    /// Removes it and the folders below it; those that hold processes stay, silently.
    void remove() const noexcept;
    /// One call where no process and no folder is in it; false: something is.
    bool remove_if_empty() const noexcept;
    bool populated() const;                           ///< false also where it does not exist
    bool surely_empty() const;                        ///< false where the kernel does not tell
    std::int64_t cpu_us() const;                      ///< 0 where the kernel does not tell
    std::optional<std::uint64_t> peak_memory() const; ///< bytes, needs the memory controller
    /// A number in one of its files, behind `key` where that is not empty; nullopt where the
    /// kernel does not tell.
    std::optional<std::int64_t> number(const char* file, std::string_view key) const;
    /// Bytes read and written, of all devices (io.stat); nullopt without the io controller.
    struct Io {
        std::uint64_t read = 0;
        std::uint64_t written = 0;
    };
    std::optional<Io> io() const;
    bool has(const char* file) const;
    /// In itself, not below; of very many only the first are counted.
    std::size_t processes() const;

private:
    std::string read(const char* file) const;
    std::string path_;
};

/// Calls back once when the cgroup holds no process any more, or is not there any more: at the next
/// turn of the loop where that is so already.  Pinned.
class EmptyWatch {
public:
    /// Throws std::system_error.
    EmptyWatch(event::Loop& loop, const Cgroup& cgroup, std::function<void()> on_empty);

private:
    void look();
    event::UniqueFd events_;
    std::function<void()> on_empty_;
    event::Deferred first_;
    std::optional<event::Io> io_;
    event::Timer again_;
};

/// Where cgroup v2 is mounted.  Throws std::runtime_error where it is not.
std::string cgroup_mount();
/// The cgroup of a process below that, "/a/b"; throws std::runtime_error, std::system_error.
std::string cgroup_of(const std::string& pid);

/// The folder for the tasks of one node.  Moves this process to a sibling folder `main` first,
/// since inner folders with processes may not hand on controllers (cgroup-v2.rst, "No Internal
/// Process Constraint"); not in the root, where that is no matter.
/// Throws std::runtime_error or std::system_error with the reason where it does not work.
Cgroup make_task_root(const std::string& name);

} // namespace roleswap::run
