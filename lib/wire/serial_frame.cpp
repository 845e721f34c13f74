#include "wire/serial_frame.hpp"
#include <algorithm>

namespace roleswap::wire {
namespace {

constexpr std::size_t run_max = 254; ///< bytes without a zero that one length byte counts
constexpr std::size_t stuffed_max = serial_frame_bytes(serial_datagram_bytes_max);

std::uint16_t crc16(View bytes)
{
    std::uint16_t crc = 0xffff;
    for (const auto byte : bytes) {
        crc = static_cast<std::uint16_t>(crc ^ (byte << 8));
        for (int bit = 0; bit < 8; ++bit)
            crc = static_cast<std::uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return static_cast<std::uint16_t>(~crc);
}

/// Each length byte counts itself and the bytes up to the next zero, which it stands for.
void stuff(View plain, Bytes& out)
{
    auto rest = plain;
    for (;;) {
        const auto zero = std::ranges::find(rest, 0);
        const auto run = std::min(static_cast<std::size_t>(zero - rest.begin()), run_max);
        out.push_back(static_cast<std::uint8_t>(run + 1));
        out.insert(out.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(run));
        const bool full = run == run_max;
        if (run == rest.size()) return;
        rest = rest.subspan(full ? run : run + 1);
    }
}

/// False where a length byte points behind the end.
bool unstuff(View stuffed, Bytes& plain)
{
    plain.clear();
    while (!stuffed.empty()) {
        const std::size_t length = stuffed.front();
        if (length == 0 || length > stuffed.size()) return false;
        plain.insert(plain.end(), stuffed.begin() + 1,
                     stuffed.begin() + static_cast<std::ptrdiff_t>(length));
        stuffed = stuffed.subspan(length);
        if (length <= run_max && !stuffed.empty()) plain.push_back(0);
    }
    return true;
}

} // namespace

Bytes encode_serial_frame(View datagram)
{
    Bytes plain(datagram.begin(), datagram.end());
    const auto crc = crc16(datagram);
    plain.push_back(static_cast<std::uint8_t>(crc >> 8));
    plain.push_back(static_cast<std::uint8_t>(crc & 0xff));
    Bytes frame{0};
    stuff(plain, frame);
    frame.push_back(0);
    return frame;
}

void SerialFrameDecoder::add(std::uint8_t byte)
{
    if (!started_) {
        stuffed_.clear();
        too_long_ = false;
        started_ = true;
    }
    if (stuffed_.size() < stuffed_max)
        stuffed_.push_back(byte);
    else
        too_long_ = true;
}

const Bytes& SerialFrameDecoder::finish()
{
    if (too_long_ || !unstuff(stuffed_, datagram_)) datagram_.clear();
    if (datagram_.size() <= 2) datagram_.clear();
    if (datagram_.empty()) return datagram_;
    const auto told = Reader(View(datagram_).last(2)).u16();
    datagram_.erase(datagram_.end() - 2, datagram_.end()); // the checksum
    if (crc16(datagram_) != told || datagram_.size() > serial_datagram_bytes_max) datagram_.clear();
    return datagram_;
}

} // namespace roleswap::wire
