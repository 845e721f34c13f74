#pragma once
#include <string>

namespace roleswap::link {

struct Certificate {
    std::string certificate; ///< PEM
    std::string private_key; ///< PEM
};

/// Self-signed, EC P-256, its own authority, valid 30 years, by the `openssl` program.  Blocks.
/// Throws PairKeyError with openssl's own words.
Certificate make_certificate(const std::string& common_name);

} // namespace roleswap::link
