#pragma once
#include "event/fd.hpp"
#include <optional>
#include <span>
#include <string>
#include <vector>

/// What goes from the daemon to roleswap-keeper besides words.
namespace roleswap::run {

inline constexpr std::size_t packet_bytes_max = std::size_t{32} * 1024;
inline constexpr std::size_t packet_descriptors_max = 4;

/// A file in memory with this text, to be read from its start.  Throws std::system_error.
event::UniqueFd memory_file(const char* name, const std::string& text);
std::string read_whole(int file);

/// A text, not empty, with descriptors over a seqpacket socket (unix(7), SCM_RIGHTS).  False where
/// the socket has no room.  Throws std::system_error.
[[nodiscard]] bool send_packet(int socket, std::string_view text, std::span<const int> descriptors);

struct Packet {
    std::string text;
    std::vector<event::UniqueFd> descriptors;
};
/// Waits for one; empty when the other side is gone.  Throws std::system_error, also where it is no
/// such socket.
std::optional<Packet> receive_packet(int socket);

} // namespace roleswap::run
