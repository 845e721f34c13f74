#include "wire/serial_pace.hpp"
#include "wire/frame.hpp"
#include "wire/message.hpp"
#include "wire/serial_frame.hpp"

namespace roleswap::wire {
namespace {

constexpr std::int64_t suspend_percent = 60;

/// The role message as it leaves: sealed and framed.
std::size_t message_bytes()
{
    const auto message = encode(core::Message{});
    const auto content = encode(Envelope{}, Broadcast{message});
    return serial_frame_bytes(header_bytes + seal_bytes + content.size());
}

} // namespace

std::chrono::milliseconds SerialPace::takeover_delay_min() const
{
    const auto us = answer.count() * 100 / suspend_percent;
    return std::chrono::ceil<std::chrono::milliseconds>(Time(us));
}

std::chrono::microseconds serial_time(std::uint32_t baud, std::size_t bytes)
{
    const auto bits = static_cast<std::int64_t>(bytes) * serial_bits_per_byte;
    return std::chrono::microseconds(bits * 1'000'000 / baud + 1);
}

SerialPace serial_pace(std::uint32_t baud, std::chrono::microseconds heartbeat)
{
    SerialPace pace;
    pace.message = serial_time(baud, message_bytes());
    const auto room = pace.message + pace.message / 4;
    const auto heartbeats = (room + heartbeat - SerialPace::Time(1)) / heartbeat;
    pace.interval = heartbeats * heartbeat;
    pace.dead_after = 3 * pace.interval + pace.message;
    pace.answer = 2 * pace.message + 3 * pace.interval + heartbeat;
    return pace;
}

} // namespace roleswap::wire
