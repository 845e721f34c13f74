#include "base/ensure.hpp"
#include "corpus.hpp"
#include "wire/serial_frame.hpp"
#include <algorithm>

/// A serial line (libFuzzer): any bytes, in pieces, never make more of them than a frame; and after
/// them a frame that was sent arrives whole.
using namespace roleswap;

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv)
{
    fuzz::begin_with(fuzz::serial_frames(), *argc, *argv);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const wire::View bytes(data, size);
    wire::SerialFrameDecoder decoder;
    const auto piece = size == 0 ? 1 : std::size_t{data[0]} % 64 + 1;
    const auto bounded = [](wire::View datagram) {
        base::ensure(datagram.size() <= wire::serial_datagram_bytes_max, "a frame is bounded");
    };
    for (std::size_t at = 0; at < size; at += piece)
        decoder.feed(bytes.subspan(at, std::min(piece, size - at)), bounded);
    const auto sent = bytes.first(std::min(size, wire::serial_datagram_bytes_max));
    if (sent.empty()) return 0;
    bool whole = false;
    decoder.feed(wire::encode_serial_frame(sent),
                 [&](wire::View datagram) { whole = std::ranges::equal(datagram, sent); });
    base::ensure(whole, "a frame arrives whole whatever came before");
    return 0;
}
