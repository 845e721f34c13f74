#include "base/escape.hpp"
#include "wire/serial_frame.hpp"
#include "wire/serial_pace.hpp"
#include <catch2/catch.hpp>
#include <random>

namespace roleswap::serial_frame_test {

using namespace wire;
using namespace std::chrono_literals;

namespace {

std::vector<Bytes> decode(View stream, SerialFrameDecoder& decoder)
{
    std::vector<Bytes> frames;
    decoder.feed(stream,
                 [&](View datagram) { frames.emplace_back(datagram.begin(), datagram.end()); });
    return frames;
}
std::vector<Bytes> decode(View stream)
{
    SerialFrameDecoder decoder;
    return decode(stream, decoder);
}

} // namespace

TEST_CASE("serial frames of every length and content come back, byte by byte or at once")
{
    std::minstd_rand random(3);
    for (std::size_t size = 1; size <= serial_datagram_bytes_max; ++size) {
        for (const int kind : {0, 1, 2, 3}) {
            Bytes datagram(size);
            for (auto& byte : datagram)
                byte = static_cast<std::uint8_t>(kind == 0   ? 0
                                                 : kind == 1 ? 1
                                                 : kind == 2 ? random()
                                                             : random() % 2);
            const auto frame = encode_serial_frame(datagram);
            CHECK(frame.front() == 0);
            CHECK(frame.back() == 0);
            CHECK(std::count(frame.begin(), frame.end(), 0) == 2);
            CHECK(frame.size() <= serial_frame_bytes(size) + size / 254);
            if (decode(frame) != std::vector<Bytes>{datagram})
                FAIL("size " << size << " kind " << kind);
        }
    }
    const Bytes datagram{7, 0, 0, 9};
    SerialFrameDecoder decoder;
    std::vector<Bytes> frames;
    for (const auto byte : encode_serial_frame(datagram))
        for (auto& found : decode(Bytes{byte}, decoder)) frames.push_back(found);
    CHECK(frames == std::vector<Bytes>{datagram});
}

TEST_CASE("a known serial frame has the documented bytes")
{
    // CRC-16/GENIBUS of "123456789" is 0xd64e (its check value in the CRC catalogue).
    CHECK(encode_serial_frame(view("123456789")) ==
          Bytes{0, 12, '1', '2', '3', '4', '5', '6', '7', '8', '9', 0xd6, 0x4e, 0});
}

TEST_CASE("no flipped bit and no cut makes another datagram of a serial frame")
{
    const Bytes datagram{1, 2, 3, 0, 5, 6, 7, 8, 9, 10, 11, 12};
    const auto frame = encode_serial_frame(datagram);
    for (std::size_t at = 0; at < frame.size() * 8; ++at) {
        auto bad = frame;
        bad[at / 8] = static_cast<std::uint8_t>(bad[at / 8] ^ (1 << at % 8));
        bad.push_back(0);
        for (const auto& found : decode(bad)) CHECK((found.empty() || found == datagram));
        // A border that is lost costs this frame or nothing.
        auto next = bad;
        const auto after = encode_serial_frame(Bytes{42});
        next.insert(next.end(), after.begin(), after.end());
        CHECK(decode(next).back() == Bytes{42});
    }
    for (std::size_t size = 0; size < frame.size(); ++size) {
        Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
        const auto again = encode_serial_frame(datagram);
        cut.insert(cut.end(), again.begin(), again.end());
        CHECK(decode(cut).back() == datagram);
    }
}

TEST_CASE("a serial decoder takes any bytes and keeps at most one frame")
{
    SerialFrameDecoder decoder;
    std::minstd_rand random(11);
    std::size_t good = 0;
    for (int round = 0; round < 2000; ++round) {
        Bytes noise(random() % 200);
        for (auto& byte : noise) byte = static_cast<std::uint8_t>(random() % 5 == 0 ? 0 : random());
        for (const auto& found : decode(noise, decoder)) good += found.empty() ? 0 : 1;
    }
    CHECK(good <= 2); // the chance of a CRC
    decode(Bytes(100'000, 0xff), decoder);
    CHECK(decode(Bytes{0}, decoder) == std::vector<Bytes>{Bytes{}});
    CHECK(decode(encode_serial_frame(Bytes{1}), decoder) == std::vector<Bytes>{Bytes{1}});
}

TEST_CASE("the pace of a serial link fits its line and its takeover delay")
{
    for (const std::uint32_t baud : {9600U, 19200U, 38400U, 57600U, 115200U, 921600U}) {
        for (const auto heartbeat : {10ms, 40ms, 50ms, 1000ms}) {
            const auto pace = serial_pace(baud, heartbeat);
            CHECK(pace.interval.count() % std::chrono::microseconds(heartbeat).count() == 0);
            CHECK(pace.message * 5 <= pace.interval * 4);
            CHECK(pace.dead_after > 3 * pace.interval);
            CHECK(pace.answer * 10 <= pace.takeover_delay_min() * 6);
        }
    }
    const auto usual = serial_pace(115200, 50ms);
    CHECK(usual.interval == 50ms);
    CHECK(usual.takeover_delay_min() < 400ms);
}

TEST_CASE("bytes are written and read with escapes")
{
    CHECK(base::unescape("OFF 1\\r\\n\\t\\e\\\\\\x00\\xff") ==
          std::string("OFF 1\r\n\t\x1b\\\0\xff", 12));
    for (const auto* bad : {"\\", "\\q", "\\x", "\\x1", "\\xgg", "\\x-1", "\xc3\xa4"})
        CHECK_FALSE(base::unescape(bad));
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    CHECK(base::unescape(base::escape(all)) == all);
    CHECK(base::escape("A\r\x80") == "A\\r\\x80");
}

} // namespace roleswap::serial_frame_test
