#include "link/seal.hpp"
#include "base/ensure.hpp"
#include <algorithm>
#include <sodium.h>

namespace roleswap::link {
namespace {

constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(nonce_bytes == Nonces::bytes);
static_assert(nonce_bytes + tag_bytes == wire::seal_bytes);
static_assert(wire::header_bytes + nonce_bytes + tag_bytes + 63 + wire::fragment_bytes <
              wire::datagram_bytes_max);
static_assert(std::tuple_size_v<Key> == crypto_kdf_KEYBYTES);

/// Numbers of the sub-keys in crypto_kdf, context "rslink01".
enum SubKey : std::uint64_t { from_first = 1, from_second = 2, name_of_pair = 3 };

Key sub_key(const Key& master, std::uint64_t number)
{
    Key key{};
    crypto_kdf_derive_from_key(key.data(), key.size(), number, "rslink01", master.data());
    return key;
}

} // namespace

Nonces::Nonces(std::size_t count) : end_(bytes * count)
{
    base::ensure(count <= count_max, "there is room for the nonces");
    randombytes_buf(random_.data(), end_);
}

Nonces::Nonce Nonces::next()
{
    base::ensure(at_ < end_, "no nonce is used twice");
    const auto nonce = std::span(random_).subspan(at_).first<bytes>();
    at_ += bytes;
    return nonce;
}

Seal::Seal(const Key& key, const std::string& pair, core::Node self)
{
    base::ensure(sodium_init() >= 0, "libsodium finds no source of randomness");
    Key master{};
    crypto_generichash(master.data(), master.size(), wire::view(pair).data(), pair.size(),
                       key.data(), key.size());
    const bool first = self == core::Node::first;
    send_ = sub_key(master, first ? from_first : from_second);
    receive_ = sub_key(master, first ? from_second : from_first);
    const auto tag = sub_key(master, name_of_pair);
    pair_tag_ = wire::Reader(tag).u32();
}

wire::Bytes Seal::close(const wire::HeaderBytes& header, wire::View content, Nonces& nonces) const
{
    wire::Bytes datagram(header.size() + nonce_bytes + content.size() + tag_bytes);
    std::ranges::copy(header, datagram.begin());
    auto* const nonce = datagram.data() + header.size();
    std::ranges::copy(nonces.next(), nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_bytes, nullptr, content.data(),
                                               content.size(), header.data(), header.size(),
                                               nullptr, nonce, send_.data());
    return datagram;
}

std::optional<wire::Bytes> Seal::open(wire::View datagram) const
{
    if (datagram.size() < wire::header_bytes + nonce_bytes + tag_bytes) return {};
    const auto header = datagram.first(wire::header_bytes);
    const auto nonce = datagram.subspan(wire::header_bytes, nonce_bytes);
    const auto sealed = datagram.subspan(wire::header_bytes + nonce_bytes);
    wire::Bytes content(sealed.size() - tag_bytes);
    const int result = crypto_aead_xchacha20poly1305_ietf_decrypt(
        content.data(), nullptr, nullptr, sealed.data(), sealed.size(), header.data(),
        header.size(), nonce.data(), receive_.data());
    if (result != 0) return {};
    return content;
}

} // namespace roleswap::link
