#pragma once
#include "wire/bytes.hpp"

/// Datagrams on a serial line, which carries bytes and knows no borders.
///
///     00  COBS( datagram  CRC )  00
///
/// Consistent Overhead Byte Stuffing (S. Cheshire and M. Baker, IEEE/ACM Transactions on Networking
/// 7(2), 1999) leaves no zero inside, so after any damage the next zero is a border again.  The CRC
/// is CRC-16/GENIBUS (polynomial 0x1021, start and end 0xffff, so that zeros at either end count),
/// most significant byte first: it tells a noisy cable from a wrong key; what proves the sender is
/// the seal of the datagram.
namespace roleswap::wire {

inline constexpr std::size_t serial_datagram_bytes_max = 512; ///< the role message has some 170

/// Size on the line of a datagram of `bytes`, borders included; exact up to 251, else at most one
/// per 254 too few.
constexpr std::size_t serial_frame_bytes(std::size_t bytes)
{
    return bytes + 2 + 1 + (bytes + 2) / 254 + 2;
}

/// `datagram`: 1 to serial_datagram_bytes_max bytes.
Bytes encode_serial_frame(View datagram);

/// Cuts a stream of bytes into datagrams.  Takes anything and keeps at most one frame.
class SerialFrameDecoder {
public:
    /// Calls `on_frame(View datagram)` for each good frame that ends in `bytes`, and
    /// `on_frame(View{})` for each run of bytes between two borders that is none.
    template <typename OnFrame> void feed(View bytes, OnFrame on_frame)
    {
        for (const auto byte : bytes) {
            if (byte != 0) {
                add(byte);
            } else if (started_) {
                on_frame(View(finish()));
                started_ = false;
            }
        }
    }
    void reset() { started_ = false; }

private:
    void add(std::uint8_t byte);
    /// The datagram, or nothing where the bytes are no frame.
    const Bytes& finish();

    Bytes stuffed_;
    Bytes datagram_;
    bool started_ = false;
    bool too_long_ = false;
};

} // namespace roleswap::wire
