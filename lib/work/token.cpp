#include "work/token.hpp"
#include <array>
#include <fmt/format.h>
#include <sodium.h>

namespace roleswap::work {

std::string make_token(const std::string& secret, const TokenOf& of)
{
    const auto text = fmt::format("{}:{}:{}:{}", secret, of.run, of.attempt, of.epoch);
    std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                       text.size());
    std::string hex;
    for (const auto byte : digest) hex += fmt::format("{:02x}", byte);
    return hex;
}

bool same_token(const std::string& one, const std::string& other)
{
    return one.size() == other.size() && sodium_memcmp(one.data(), other.data(), one.size()) == 0;
}

} // namespace roleswap::work
