#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace roleswap::durable {

/// Replaces the file at `path` so that after a power cut it holds either the old or the new text,
/// never a mixture: temporary file in the same folder, fsync, rename, fsync of the folder.
/// Blocks; throws std::system_error that names the path.
void replace(const std::string& path, std::string_view text, mode_t mode);

/// The same for a small file that must also be writable on a full disk: keeps a page of spare room
/// in `path`.new from one call to the next.  `text` is at most 4096 bytes.
void replace_in_reserve(const std::string& path, std::string_view text, mode_t mode);

/// Whole text of a file, empty when there is none.  Throws std::system_error for other errors, and
/// std::runtime_error above 16 MiB.
std::optional<std::string> read(const std::string& path);

/// Makes the folder and its parents where they are missing, with this mode whatever the umask is:
/// another user has to pass.
void make_folders(const std::string& path, mode_t mode);

} // namespace roleswap::durable
