#pragma once
#include "link/types.hpp"
#include "wire/frame.hpp"
#include <array>
#include <span>

namespace roleswap::link {

/// Random nonces for the copies of one message, drawn at once and given out once each.  None is
/// kept for a later message: what a copy of this machine's memory holds is no nonce of tomorrow.
class Nonces {
public:
    static constexpr std::size_t bytes = 24;
    static constexpr std::size_t count_max = 8;
    using Nonce = std::span<const std::uint8_t, bytes>;

    explicit Nonces(std::size_t count);
    Nonces(const Nonces&) = delete;
    Nonces& operator=(const Nonces&) = delete;
    /// One that nobody had; there are `count`.
    Nonce next();

private:
    std::array<std::uint8_t, bytes * count_max> random_; ///< drawn: the first `end_` bytes
    std::size_t end_;
    std::size_t at_ = 0;
};

/// Closes and opens datagrams of one node: XChaCha20-Poly1305 (libsodium), random nonce, the header
/// as authenticated data, one key per direction so that a reflected datagram never opens.
class Seal {
public:
    Seal(const Key& key, const std::string& pair, core::Node self);

    /// Public name of the pair and its key: the same on both nodes, tells nothing of the key.
    std::uint32_t pair_tag() const { return pair_tag_; }
    wire::Bytes close(const wire::HeaderBytes& header, wire::View content, Nonces& nonces) const;
    /// Empty where the seal does not fit.
    std::optional<wire::Bytes> open(wire::View datagram) const;

private:
    Key send_{};
    Key receive_{};
    std::uint32_t pair_tag_ = 0;
};

} // namespace roleswap::link
