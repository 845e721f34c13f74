#pragma once
#include "event/io_group.hpp"
#include "link/monitor.hpp"
#include "link/seal.hpp"
#include "wire/replay_window.hpp"
#include "wire/serial_pace.hpp"

namespace roleswap::link {

/// What the sealed bytes held; `content` points into `bytes`.
struct Opened {
    wire::Bytes bytes;
    wire::Content content;
};

/// One link: its socket, seal, counters and monitor.  Its errors stay here.
class Channel {
public:
    /// The group calls with `index` when there is something to receive.
    Channel(event::IoGroup& group, const Options& options, std::size_t index, const Seal& seal);
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Makes the socket where there is none, and a new one where the link is down and sending
    /// fails: the device may have been replaced.
    void mend();
    /// A datagram for this link; empty: it does not carry the frame, or has no room for it now.
    wire::Bytes seal(wire::Envelope envelope, const wire::Frame& frame, Duration now,
                     Nonces& nonces);
    /// Sends what was sealed just now.
    void send(wire::View datagram, const wire::Frame& frame, Duration now);
    enum class Read : std::uint8_t { nothing, refused, opened };
    /// Takes one datagram from the socket; one that is not of the peer on this link is counted.
    Read receive(Opened& opened);
    /// False where this link delivered it already; counted.
    bool accept(const wire::Envelope& envelope);
    /// A datagram of the confirmed boot.  True where the link came up.
    bool heard(const wire::Envelope& envelope, Duration now, Monitor::Timing timing);

    void refuse(Rejection reason) { status_.rejected[static_cast<std::size_t>(reason)] += 1; }
    void count_duplicate() { status_.duplicates += 1; }
    /// The confirmed boot of the peer is another one, and its numbers begin here.
    void fresh_peer(std::uint64_t sequence);
    Monitor& monitor() { return monitor_; }
    const Monitor& monitor() const { return monitor_; }
    bool is_serial() const { return options_.is_serial(); }
    bool up() const { return monitor_.state() == LinkState::up; }
    LinkStatus status(Duration now) const;

private:
    void open();
    void close(std::string why);
    /// Whether a serial line takes the frame now: the role message when it is due, a challenge
    /// behind the message that is under way, the answer to one behind both, nothing else ever.
    bool has_room(const wire::Frame& frame, Duration now) const;
    void note_time(const wire::Frame& frame, std::size_t bytes, Duration now);
    void note_send(int error);
    std::optional<Rejection> check(const wire::Header& header) const;
    event::IoGroup& group_;
    LinkOptions options_;
    Duration heartbeat_;
    wire::SerialPace pace_; ///< of a serial link
    Duration due_at_{0};    ///< serial: the next role message is not sent before
    Duration free_at_{0};   ///< serial: what was written has left by then
    PortMaker make_port_;
    wire::Header sending_;
    wire::HeaderBytes header_{}; ///< the same, encoded
    const Seal& seal_;
    Monitor monitor_;
    wire::ReplayWindow window_;
    LinkStatus status_;
    std::uint32_t sequence_ = 0;
    bool send_fails_ = false;
    std::size_t received_bytes_ = 0; ///< size of the datagram `receive` opened last
    std::unique_ptr<Port> port_;
    std::unique_ptr<event::IoGroup::Member> io_;
};

} // namespace roleswap::link
