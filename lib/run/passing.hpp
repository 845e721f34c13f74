#pragma once
#include "event/fd.hpp"
#include <array>
#include <optional>
#include <string>

/// What goes from the daemon to the keeper of a unit besides words.
namespace roleswap::run {

/// A file in memory with this text, to be read from its start.  Throws std::system_error.
event::UniqueFd memory_file(const char* name, const std::string& text);

/// One word with three descriptors over a seqpacket socket (unix(7), SCM_RIGHTS).  Throws
/// std::system_error.
void send_descriptors(int socket, char word, const std::array<int, 3>& descriptors);
/// Waits for them; empty when something else came, or the other side is gone.
std::optional<std::array<event::UniqueFd, 3>> receive_descriptors(int socket, char word);

} // namespace roleswap::run
