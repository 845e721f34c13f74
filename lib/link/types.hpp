#pragma once
#include "core/types.hpp"
#include "event/loop.hpp"
#include "link/port.hpp"
#include "wire/bytes.hpp"
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace roleswap::link {

using event::Duration;
using Key = std::array<std::uint8_t, 32>;

struct Options {
    Key key{};              ///< the pair key, equal on both nodes
    std::string pair;       ///< pair name; another name makes other keys
    std::uint64_t boot = 0; ///< own persisted counter of daemon starts, from 1; grows for ever
    core::Node self = core::Node::first;
    std::vector<LinkOptions> links; ///< one to eight, best first, in the same order on both nodes
    Duration heartbeat{40'000};     ///< how often the owner calls `broadcast`
    /// Silence that makes a link down; at least 2 heartbeats.  A serial link has its own, by its
    /// baud rate (wire::serial_pace).
    Duration dead_after{120'000};
    unsigned up_after = 3;           ///< datagrams without a gap that make a dead link up again
    PortMaker make_port = open_port; ///< tests put a lossy decorator here
};

enum class LinkState : std::uint8_t { down, up };

/// Why a datagram was not taken.
enum class Rejection : std::uint8_t {
    malformed,        ///< truncated, oversized, no magic, or a frame that does not decode
    wrong_version,    ///< a protocol version this program does not speak
    wrong_pair,       ///< of a pair with another name or another key
    wrong_sender,     ///< our own datagram came back
    wrong_link,       ///< sent on another link: cables or addresses are crossed
    forged,           ///< the seal does not fit: damaged or made without the key
    replayed,         ///< this link delivered that datagram already, or it is too old to tell
    old_boot,         ///< of an earlier start of the peer than the one that is confirmed
    unconfirmed_boot, ///< of a start that has not answered our challenge (yet)
    last = unconfirmed_boot,
};
inline constexpr std::size_t rejections = static_cast<std::size_t>(Rejection::last) + 1;
std::string_view to_string(Rejection reason);
std::string_view to_string(LinkState state);

struct Traffic {
    std::uint64_t datagrams = 0;
    std::uint64_t bytes = 0; ///< sealed, without what UDP or the framing adds
};

struct LinkStatus {
    std::string name;
    std::string local;
    std::string remote;
    std::string device;     ///< the socket is bound to; empty: to none
    std::uint32_t baud = 0; ///< of a serial link; 0: UDP
    Duration interval{0};   ///< between two heartbeats on this link
    LinkState state = LinkState::down;
    std::optional<double> rtt_ms; ///< smoothed; empty before the first measurement
    double loss_in = 0;  ///< 0 to 1, of the datagrams sent to us in the last 10 s; 1 while down
    double loss_out = 0; ///< 0 to 1, the same as the peer told it last; 1 while down
    std::optional<Duration> last_heard; ///< Loop::now() of the last datagram that was taken
    Traffic sent;
    Traffic received;             ///< datagrams that were taken, duplicates included
    std::uint64_t duplicates = 0; ///< taken for the state of the link; another link was quicker
    std::uint64_t send_errors = 0;
    std::string trouble; ///< why there is no socket or the last send failed; empty: all well
    std::array<std::uint64_t, rejections> rejected{};

    double loss() const { return loss_in > loss_out ? loss_in : loss_out; }
    std::uint64_t rejected_for(Rejection reason) const
    {
        return rejected[static_cast<std::size_t>(reason)];
    }
};

using RequestId = std::uint64_t;
enum class RequestError : std::uint8_t {
    timed_out,      ///< no reply in time: whether the peer acted is unknown
    peer_restarted, ///< the peer's process that had the request is gone: unknown, too
    too_long,       ///< above message_bytes_max; nothing was sent
};
std::string_view to_string(RequestError error);

inline constexpr std::size_t message_bytes_max = 1024 * 1024; ///< of a request and of a reply
inline constexpr std::size_t broadcast_bytes_max = 1024;

/// The reply, or why there is none.
using Answer = std::variant<wire::Bytes, RequestError>;
using OnAnswer = std::function<void(Answer)>;

} // namespace roleswap::link
