#pragma once
#include <string>

namespace roleswap::cli {

/// The first line of the file, or asked for on the terminal without echo where `file` is empty.
/// Never from the command line, which others can read.  Throws UsageError.
std::string read_password(const std::string& file, const std::string& prompt);
/// The same for a new one: asked for twice, at least 12 characters.
std::string read_new_password(const std::string& file);

/// What a PostgreSQL server keeps instead of the password (SCRAM-SHA-256).
std::string scram_verifier(const std::string& password, const std::string& role);

} // namespace roleswap::cli
