#pragma once
#include <chrono>
#include <cstdint>

namespace roleswap::wire {

/// How often a serial line carries the role message.  It is slow: at 9600 baud a message takes
/// 190 ms, so the newest one is sent as often as the line can, and never two are waiting.
struct SerialPace {
    using Time = std::chrono::microseconds;
    Time message{0};    ///< one role message on the line, 8N1
    Time interval{0};   ///< between two of them: whole heartbeats, line busy four fifths at most
    Time dead_after{0}; ///< silence that makes the link down: two lost messages are none
    /// Age of the newest own message that the peer has answered, at worst and with one message
    /// lost: both wait for their turn, both travel, and the next one is awaited.
    Time answer{0};

    /// The shortest takeover delay at which this line alone keeps a pair calm: work is suspended
    /// when the peer's answers are older than 60 % of it (core/lease).
    std::chrono::milliseconds takeover_delay_min() const;
};

inline constexpr std::uint32_t serial_bits_per_byte = 10; ///< 8N1: start, eight, stop

/// `heartbeat` above 0; `baud` above 0.
SerialPace serial_pace(std::uint32_t baud, std::chrono::microseconds heartbeat);
/// Time of `bytes` on the line.
std::chrono::microseconds serial_time(std::uint32_t baud, std::size_t bytes);

} // namespace roleswap::wire
