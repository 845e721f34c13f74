#include "link/sealed_key.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <array>
#include <sodium.h>
#include <stdexcept>
#include <vector>

namespace roleswap::link {
namespace {

using Bytes = std::vector<unsigned char>;
constexpr std::string_view form = "1:"; ///< of the text: base64 of salt, nonce, sealed bytes
constexpr std::size_t salt_bytes = crypto_pwhash_SALTBYTES;
constexpr std::size_t key_nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t key_tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr int variant = sodium_base64_VARIANT_ORIGINAL;

/// Wiped at its end.
struct SealKey {
    std::array<unsigned char, crypto_aead_xchacha20poly1305_ietf_KEYBYTES> bytes{};
    SealKey(std::string_view password, const unsigned char* salt)
    {
        base::ensure(sodium_init() >= 0, "libsodium finds no source of randomness");
        if (crypto_pwhash(bytes.data(), bytes.size(), password.data(), password.size(), salt,
                          crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                          crypto_pwhash_ALG_ARGON2ID13) != 0)
            throw std::runtime_error("no memory to make a key of the password: 64 MiB are needed");
    }
    SealKey(const SealKey&) = delete;
    SealKey& operator=(const SealKey&) = delete;
    ~SealKey() { sodium_memzero(bytes.data(), bytes.size()); }
};

} // namespace

std::string seal_with_password(std::string_view text, std::string_view password)
{
    base::ensure(sodium_init() >= 0, "libsodium finds no source of randomness");
    Bytes all(salt_bytes + key_nonce_bytes + text.size() + key_tag_bytes);
    randombytes_buf(all.data(), salt_bytes + key_nonce_bytes);
    const SealKey key(password, all.data());
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        all.data() + salt_bytes + key_nonce_bytes, nullptr,
        reinterpret_cast<const unsigned char*>(text.data()), text.size(),
        reinterpret_cast<const unsigned char*>(form.data()), form.size(), nullptr,
        all.data() + salt_bytes, key.bytes.data());
    std::string base64(sodium_base64_ENCODED_LEN(all.size(), variant), '\0');
    sodium_bin2base64(base64.data(), base64.size(), all.data(), all.size(), variant);
    base64.pop_back(); // the closing zero byte
    return std::string(form) + base64;
}

std::optional<std::string> open_with_password(std::string_view sealed, std::string_view password)
{
    if (!sealed.starts_with(form)) return std::nullopt;
    const auto base64 = sealed.substr(form.size());
    Bytes all(base64.size());
    std::size_t size = 0;
    if (sodium_base642bin(all.data(), all.size(), base64.data(), base64.size(), nullptr, &size,
                          nullptr, variant) != 0 ||
        size < salt_bytes + key_nonce_bytes + key_tag_bytes)
        return std::nullopt;
    const SealKey key(password, all.data());
    std::string text(size - salt_bytes - key_nonce_bytes - key_tag_bytes, '\0');
    const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        reinterpret_cast<unsigned char*>(text.data()), nullptr, nullptr,
        all.data() + salt_bytes + key_nonce_bytes, size - salt_bytes - key_nonce_bytes,
        reinterpret_cast<const unsigned char*>(form.data()), form.size(), all.data() + salt_bytes,
        key.bytes.data());
    if (opened != 0) return std::nullopt;
    return text;
}

} // namespace roleswap::link
