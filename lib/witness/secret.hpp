#pragma once
#include <string>

namespace roleswap::witness {

/// Who else may read a file of the witness.
enum class Readers : std::uint8_t {
    anybody, ///< certificates
    owner,   ///< passwords and keys: it must be of root or of this user, and of nobody else
};

/// The text of a small file.  Throws std::runtime_error with path, fault and remedy.
std::string read_file(const std::string& path, Readers readers);
/// The same without white space at its end.
std::string read_password(const std::string& path);

} // namespace roleswap::witness
