#pragma once
#include "link/types.hpp"
#include <stdexcept>
#include <string>
#include <string_view>

namespace roleswap::link {

/// What the two nodes share, and nobody else: made on the first node by `roleswap init`, carried
/// to the second by the administrator.
struct PairKey {
    Key secret{};
    std::string certificate; ///< PEM, self-signed, EC P-256, valid 30 years; for the store's TLS
    std::string private_key; ///< PEM, of the certificate
    bool operator==(const PairKey&) const = default;
};

/// File, line where there is one, what is wrong and what to do.
class PairKeyError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Random secret, and a certificate with the pair's name made by the `openssl` program: blocks for
/// some 20 ms.  Throws PairKeyError when openssl is missing or fails.
PairKey generate_pair_key(const std::string& pair);

/// Text form: comment lines, `secret = BASE64`, the two PEM blocks.
std::string to_text(const PairKey& key);
/// `name` stands for the file in messages.  Throws PairKeyError.
PairKey parse_pair_key(std::string_view text, const std::string& name);

/// Refuses a file that others than its owner may read or write, or that belongs neither to root
/// nor to the own user.  Throws PairKeyError.
PairKey read_pair_key(const std::string& path);
/// New file of mode 0600, synced; never replaces one.  Throws PairKeyError.
void write_pair_key(const std::string& path, const PairKey& key);

/// A key of its own for each purpose: keyed BLAKE2b of the purpose; knowing one tells nothing of
/// another.
Key derive(const PairKey& key, std::string_view purpose);
/// The same as 64 hexadecimal digits, for the roles of the store.
std::string derive_password(const PairKey& key, std::string_view purpose);

} // namespace roleswap::link
