#pragma once
#include "event/fd.hpp"
#include "event/loop.hpp"
#include "run/cgroup.hpp"
#include "run/spawn_wire.hpp"
#include <functional>
#include <memory>
#include <string>

namespace roleswap::run {

/// One life of the process that clones tasks for the daemon (roleswap-keeper spawn), in a cgroup of
/// its own.  Nothing here waits for it, neither for its exec nor for its answers.  Owned by the
/// spawner.  Pinned.
class SpawnHelper {
public:
    struct Events {
        std::function<void(const SpawnAnswer&)> on_answer;
        std::function<void()> on_room; ///< after answers, and when `send` may try again
        /// It is dead, all its answers have been told; this may be destroyed now.
        std::function<void(const std::string& how)> on_gone;
    };
    /// `program` is an open file, `group` a new cgroup, which is removed afterwards.  Throws
    /// std::system_error.
    SpawnHelper(event::Loop& loop, int program, const Cgroup& group, Events events);
    /// Ends it and waits until it is dead.
    ~SpawnHelper();
    SpawnHelper(const SpawnHelper&) = delete;
    SpawnHelper& operator=(const SpawnHelper&) = delete;

    /// False where it has no room.  Throws std::system_error.
    [[nodiscard]] bool send(std::size_t slot, const std::string& folder, const Plan& plan);
    /// What was cloned for the newest request of this slot.
    Cloned cloned(std::size_t slot) const;
    void kill() noexcept;

private:
    struct Unmap {
        void operator()(SpawnPage* page) const noexcept;
    };
    void launch(int program, int socket, int group);
    void ready(std::uint32_t events);
    void read_answers();
    void ended();

    Events events_;
    Cgroup group_;
    event::UniqueFd memory_;
    std::unique_ptr<SpawnPage, Unmap> page_;
    event::UniqueFd socket_;
    event::UniqueFd process_;
    pid_t pid_ = -1; ///< -1: reaped
    bool full_ = false;
    std::unique_ptr<event::Io> socket_io_;
    std::unique_ptr<event::Io> process_io_;
};

} // namespace roleswap::run
