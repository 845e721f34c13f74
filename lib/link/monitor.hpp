#pragma once
#include "link/loss_meter.hpp"
#include "wire/frame.hpp"

namespace roleswap::link {

/// Whether one link lives, how quick it is and what it loses, told by the datagrams that came in.
/// A value: times are given.
class Monitor {
public:
    struct Limits {
        Duration heartbeat{40'000};
        Duration dead_after{120'000};
        unsigned up_after = 3;
    };
    explicit Monitor(Limits limits) : limits_(limits) {}

    enum class Timing : std::uint8_t {
        exact, ///< read soon after it came
        stale, ///< waited in the socket while this process did not run: no measure of the network
    };
    /// A datagram that was taken.  True where the link came up by it.
    bool heard(const wire::Envelope& envelope, Duration now, Timing timing);
    /// Call now and then.  True where the link went down by silence.
    bool silent(Duration now);
    /// Whether `silent(now)` would be true: time to look into the socket once more.
    bool suspect(Duration now) const;
    /// When `suspect` becomes true, unless something comes; empty: it is not up.
    std::optional<Duration> deadline() const;
    /// This process did not run for a while: two more heartbeats before silence counts.
    void excuse(Duration now);
    /// Another boot of the peer: the first datagram suffices, numbers start over.
    void fresh_peer();

    /// Fills the fields that tell the peer about this link.
    void tell(wire::Envelope& envelope, Duration now) const;
    void describe(LinkStatus& status, Duration now) const;
    LinkState state() const { return state_; }
    std::optional<Duration> rtt() const;

private:
    void measure(const wire::Envelope& envelope, Duration now);
    Limits limits_;
    LinkState state_ = LinkState::down;
    bool fresh_ = true;
    unsigned streak_ = 0; ///< of datagrams half a heartbeat or more apart
    Duration streak_at_{0};
    Duration alive_at_{0}; ///< silence counts from here
    std::optional<Duration> heard_at_;
    std::optional<double> rtt_us_;
    std::uint64_t peer_sent_us_ = 0; ///< to be echoed; 0 = nothing
    Duration peer_sent_at_{0};       ///< when that arrived
    double loss_out_ = 0;
    LossMeter loss_in_;
};

} // namespace roleswap::link
