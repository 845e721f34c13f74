#pragma once
#include "run/plan.hpp"
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

/// What the daemon and the process that clones its tasks (roleswap-keeper spawn) tell each other,
/// over a seqpacket socket and in one page of shared memory.
namespace roleswap::run {

/// So many starts are asked of it at a time.
inline constexpr std::size_t spawn_slots = 32;

/// Descriptors that it finds open.
inline constexpr int spawn_socket = 0;
inline constexpr int spawn_page = 1;

/// By slot the process that was cloned for it: written by the kernel within clone3(2)
/// (CLONE_PARENT_SETTID), so that it is known also when the cloning process dies right after.
struct SpawnPage {
    std::array<std::atomic<pid_t>, spawn_slots> pids{};
    /// When, in microseconds since 1970; written right before.
    std::array<std::atomic<std::int64_t>, spawn_slots> times{};
};
static_assert(sizeof(std::atomic<pid_t>) == sizeof(pid_t));
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

/// A process that was cloned for a request.
struct Cloned {
    pid_t pid = 0; ///< 0: none was
    std::chrono::system_clock::time_point at;
};

/// Answer to one request; where `error` is 0 the page has the process.
struct SpawnAnswer {
    enum class Step : std::int32_t { clone, folder };
    std::uint32_t slot = 0;
    Step step = Step::clone;
    std::int32_t error = 0; ///< errno
};

/// False where the socket has no room.  Throws std::system_error.
[[nodiscard]] bool send_spawn(int socket, std::size_t slot, const std::string& folder,
                              const Plan& plan);

/// As it comes: what the plan borrows is owned by `descriptors`.
struct SpawnRequest {
    std::size_t slot = 0;
    std::string folder; ///< of the cgroup that is to be made for it
    std::unique_ptr<Plan> plan;
    std::vector<event::UniqueFd> descriptors;
};
/// Waits for one; empty when the daemon is gone.  Throws std::runtime_error.
std::optional<SpawnRequest> receive_spawn(int socket);

} // namespace roleswap::run
