#pragma once
#include "link/types.hpp"
#include "wire/transfer.hpp"

namespace roleswap::link {

enum class Route : std::uint8_t {
    best, ///< the best live link
    all,  ///< every link that has a socket
};
using SendFrame = std::function<void(const wire::Frame&, Route)>;

/// The sender's side of one reliable transfer: which fragments are on their way, which arrived.
/// A value: time is given.
class Outgoing {
public:
    Outgoing(wire::Transfer transfer, RequestId id, wire::Bytes message);

    /// Sends what the window allows, and again what was not acknowledged for `repeat_after`; each
    /// repetition doubles that time, up to 4 times, until an acknowledgement brings news: a peer
    /// that is slow must not be buried.
    void pump(Duration now, Duration repeat_after, const SendFrame& send);
    /// Ignored where the count of fragments is another.
    void acknowledged(const wire::Ack& ack);
    void acknowledged_all() { arrived_.add_all(); }
    bool complete() const { return arrived_.complete(); }

private:
    static constexpr unsigned window = 64; ///< fragments under way; fits a default socket buffer
    void send_fragment(std::uint16_t index, Route route, const SendFrame& send) const;
    wire::Transfer transfer_;
    RequestId id_;
    wire::Bytes message_;
    wire::FragmentSet arrived_;
    std::vector<Duration> sent_at_;
    int patience_ = 1;        ///< factor of `repeat_after`
    std::uint16_t first_ = 0; ///< all below arrived
    std::uint16_t next_ = 0;  ///< none from here on was sent
};

} // namespace roleswap::link
