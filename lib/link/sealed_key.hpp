#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::link {

/// A text that only who knows the password can read: Argon2id makes a key of the password (64 MiB
/// and some 100 ms for each try), XChaCha20-Poly1305 seals with it.  One line of printable ASCII.
/// Throws std::runtime_error where there is no memory for it.
std::string seal_with_password(std::string_view text, std::string_view password);
/// Empty when the password is another one, or the sealed text was changed or is none.
std::optional<std::string> open_with_password(std::string_view sealed, std::string_view password);

} // namespace roleswap::link
