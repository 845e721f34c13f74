#pragma once
#include "link/types.hpp"
#include "wire/frame.hpp"

namespace roleswap::link {

/// Closes and opens datagrams of one node: XChaCha20-Poly1305 (libsodium), random nonce, the header
/// as authenticated data, one key per direction so that a reflected datagram never opens.
class Seal {
public:
    Seal(const Key& key, const std::string& pair, core::Node self);

    /// Public name of the pair and its key: the same on both nodes, tells nothing of the key.
    std::uint32_t pair_tag() const { return pair_tag_; }
    wire::Bytes close(const wire::HeaderBytes& header, wire::View content) const;
    /// Empty where the seal does not fit.
    std::optional<wire::Bytes> open(wire::View datagram) const;

private:
    Key send_{};
    Key receive_{};
    std::uint32_t pair_tag_ = 0;
};

} // namespace roleswap::link
