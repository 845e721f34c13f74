#pragma once
#include "core/types.hpp"
#include "wire/bytes.hpp"
#include "wire/error.hpp"
#include <array>
#include <variant>

/// The datagram of the transport:
///
///     header (clear, authenticated)  nonce (24)  sealed( envelope  kind  fields of the frame )
///
/// All numbers are in network byte order.  A datagram stays below the 1280 bytes that every IPv6
/// path carries (RFC 8200, section 5), so that none is ever fragmented by IP.
namespace roleswap::wire {

/// Version of header, envelope and frames.
inline constexpr std::uint8_t protocol_version = 1;
inline constexpr std::uint8_t protocol_version_oldest = 1;

inline constexpr std::size_t datagram_bytes_max = 1232; ///< 1280 less IPv6 and UDP headers
inline constexpr std::size_t fragment_bytes = 1024;
inline constexpr std::size_t fragments_max = 1024; ///< so a transfer has at most 1 MiB

struct Header {
    std::uint8_t version = protocol_version;
    std::uint32_t pair_tag = 0; ///< tells pairs apart before the seal is tried
    core::Node sender = core::Node::first;
    std::uint8_t link = 0; ///< index in the configuration
    bool operator==(const Header&) const = default;
};
inline constexpr std::size_t header_bytes = 9;
inline constexpr std::size_t seal_bytes = 24 + 16; ///< nonce, and what the seal adds
using HeaderBytes = std::array<std::uint8_t, header_bytes>;
HeaderBytes encode(const Header& header);
/// Reads the first header_bytes.  Errors: truncated, bad_magic, bad_version, bad_value.
Decoded<Header> decode_header(View datagram);

/// What every datagram carries, whatever its frame.  Times are of the sender's monotonic clock.
struct Envelope {
    std::uint64_t boot = 0;          ///< of the sender, from 1
    std::uint64_t to_boot = 0;       ///< of the receiver as the sender knows it; 0 = not yet
    std::uint64_t sequence = 0;      ///< of the message, the same on all links, from 1
    std::uint32_t link_sequence = 0; ///< of the datagram on this link; for the loss
    std::uint64_t sent_us = 0;
    std::uint64_t echo_us = 0;       ///< newest sent_us of the receiver on this link; 0 = none
    std::uint32_t held_us = 0;       ///< time between that arrival and this departure
    std::uint16_t loss_permille = 0; ///< of what the receiver sent on this link; at most 1000
    bool operator==(const Envelope&) const = default;
};

using Token = std::array<std::uint8_t, 16>;

/// Frames refer to bytes of others: the payload to send, the datagram that was decoded.
struct Broadcast {
    View bytes;
};
struct Challenge {
    std::uint64_t boot = 0; ///< who is asked to return the token
    Token token{};
};
struct ChallengeAnswer {
    Token token{};
};
enum class Transfer : std::uint8_t { request, reply };
struct Fragment {
    Transfer transfer = Transfer::request;
    std::uint64_t id = 0;    ///< of the request, given by who asks
    std::uint16_t index = 0; ///< below count
    std::uint16_t count = 1; ///< 1 to fragments_max
    View bytes;              ///< fragment_bytes, in the last one at most that
};
struct Ack {
    Transfer transfer = Transfer::request;
    std::uint64_t id = 0;
    std::uint16_t count = 1;
    View have; ///< one bit per fragment, least significant first; (count + 7) / 8 bytes
};
using Frame = std::variant<Broadcast, Challenge, ChallengeAnswer, Fragment, Ack>;

struct Content {
    Envelope envelope;
    Frame frame;
};
/// What is sealed.
Bytes encode(const Envelope& envelope, const Frame& frame);
/// Views in the result point into `content`.  Errors: truncated, trailing, bad_kind, bad_value.
Decoded<Content> decode_content(View content);

} // namespace roleswap::wire
