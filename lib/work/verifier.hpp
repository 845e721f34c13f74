#pragma once
#include <string>

namespace roleswap::work {

/// What the server keeps instead of a password (manual, pg_authid); it never sees the password.  A
/// text of another form or length it would take for a password in the clear: keys have 32 bytes.
bool is_verifier(const std::string& text);

} // namespace roleswap::work
