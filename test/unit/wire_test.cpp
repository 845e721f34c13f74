#include "wire/frame.hpp"
#include "wire/message.hpp"
#include "wire/replay_window.hpp"
#include "wire/transfer.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

namespace roleswap::wire_test {

using namespace wire;

namespace {

/// No field has its default.
core::Message full_message()
{
    core::Message message;
    message.boot = 0x0102030405060708;
    message.sequence = 9;
    message.sent_at = 10;
    message.echo_boot = 11;
    message.echo_sequence = 12;
    message.echo_sent_at = ~std::uint64_t{0};
    message.role = core::Role::demoting;
    message.record = {77, core::Node::second, core::Mode::mirrored, 3};
    message.store = core::StoreState::frozen;
    message.position = base::Lsn{0x16'B374D848};
    message.leaving = true;
    message.hold = true;
    message.wish_alone = true;
    return message;
}

Bytes copy(View bytes)
{
    return {bytes.begin(), bytes.end()};
}

Bytes with(Bytes bytes, std::size_t at, std::uint8_t value)
{
    bytes.at(at) = value;
    return bytes;
}

Bytes and_more(Bytes bytes, std::size_t more)
{
    bytes.resize(bytes.size() + more);
    return bytes;
}

struct Anything {
    template <typename T> operator T() const;
};

/// How many fields an aggregate has.
template <typename T, typename... Given> constexpr std::size_t fields()
{
    if constexpr (requires { T{Given{}..., Anything{}}; })
        return fields<T, Given..., Anything>();
    else
        return sizeof...(Given);
}

template <typename T> bool is(const Decoded<T>& decoded, Error error)
{
    return std::holds_alternative<Error>(decoded) && std::get<Error>(decoded) == error;
}

Envelope full_envelope()
{
    return {1, 2, 3, 4, 5, 6, 7, 8};
}

const Bytes payload(fragment_bytes, 0x5a);
const Bytes bits(128, 0xff);

std::vector<Frame> all_frames()
{
    Token token{};
    token.fill(9);
    return {Broadcast{View(payload).first(100)},
            Broadcast{},
            Challenge{77, token},
            ChallengeAnswer{token},
            Fragment{Transfer::request, 5, 0, 2, payload},
            Fragment{Transfer::reply, 6, 1023, 1024, View(payload).first(1)},
            Fragment{Transfer::reply, 7, 0, 1, {}},
            Ack{Transfer::reply, 8, 9, View(bits).first(2)},
            Ack{Transfer::request, 8, 1024, bits}};
}

} // namespace

TEST_CASE("a role message comes back from its bytes with every field")
{
    // A field that is added to core::Message must be added to each_field and to full_message, too.
    CHECK(fields<core::Message>() == 13);
    const auto message = full_message();
    const auto bytes = encode(message);
    CHECK(bytes.size() == 1 + 9 * 8 + 7);
    CHECK(std::get<core::Message>(decode_message(bytes)) == message);
    CHECK(std::get<core::Message>(decode_message(encode(core::Message{}))) == core::Message{});
}

TEST_CASE("a role message that is cut, long or out of range is refused")
{
    const auto bytes = encode(full_message());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK(is(decode_message(View(bytes).first(size)), Error::truncated));
    CHECK(is(decode_message(and_more(bytes, 1)), Error::trailing));
    CHECK(is(decode_message(with(bytes, 0, 0)), Error::bad_version));
    struct Row {
        const char* field;
        std::size_t at;
        std::uint8_t beyond;
    };
    constexpr std::size_t role = 1 + 6 * 8;
    for (const auto& row :
         {Row{"role", role, 6}, Row{"master", role + 9, 3}, Row{"mode", role + 10, 2},
          Row{"store", role + 11, 4}, Row{"leaving", role + 20, 2}, Row{"hold", role + 21, 255},
          Row{"wish_alone", role + 22, 2}}) {
        INFO(row.field);
        CHECK(is(decode_message(with(bytes, row.at, row.beyond)), Error::bad_value));
        CHECK_FALSE(is(decode_message(with(bytes, row.at, 0)), Error::bad_value));
    }
}

TEST_CASE("a role message of a newer version is read as far as it is known")
{
    const auto newer = and_more(with(encode(full_message()), 0, message_version + 1), 5);
    CHECK(std::get<core::Message>(decode_message(newer)) == full_message());
    CHECK(is(decode_message(View(newer).first(40)), Error::truncated));
}

TEST_CASE("a header comes back from its bytes, and others are refused")
{
    const Header header{protocol_version, 0xdeadbeef, core::Node::second, 7};
    const auto bytes = encode(header);
    CHECK(std::get<Header>(decode_header(bytes)) == header);
    const Bytes good(bytes.begin(), bytes.end());
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK(is(decode_header(View(good).first(size)), Error::truncated));
    CHECK(is(decode_header(with(good, 0, 0)), Error::bad_magic));
    CHECK(is(decode_header(with(good, 1, 0)), Error::bad_magic));
    CHECK(is(decode_header(with(good, 2, 0)), Error::bad_version));
    CHECK(is(decode_header(with(good, 2, protocol_version + 1)), Error::bad_version));
    CHECK(is(decode_header(with(good, 7, 2)), Error::bad_value));
}

TEST_CASE("each frame comes back from its bytes")
{
    for (const auto& frame : all_frames()) {
        const auto bytes = encode(full_envelope(), frame);
        const auto decoded = decode_content(bytes);
        REQUIRE(std::holds_alternative<Content>(decoded));
        const auto& content = std::get<Content>(decoded);
        CHECK(content.envelope == full_envelope());
        REQUIRE(content.frame.index() == frame.index());
        CHECK(encode(content.envelope, content.frame) == bytes);
    }
    const auto bytes = encode(full_envelope(), all_frames()[5]);
    const auto fragment = std::get<Fragment>(std::get<Content>(decode_content(bytes)).frame);
    CHECK(fragment.transfer == Transfer::reply);
    CHECK(fragment.id == 6);
    CHECK(fragment.index == 1023);
    CHECK(fragment.count == 1024);
    CHECK(copy(fragment.bytes) == Bytes{0x5a});
}

TEST_CASE("the largest frame with header, nonce and seal fits a datagram")
{
    constexpr std::size_t nonce_and_seal = 24 + 16;
    for (const auto& frame : all_frames())
        CHECK(header_bytes + nonce_and_seal + encode(full_envelope(), frame).size() <=
              datagram_bytes_max);
}

TEST_CASE("cut frames are refused")
{
    for (const auto& frame : all_frames()) {
        if (std::holds_alternative<Broadcast>(frame)) continue; // any rest is a message
        const auto bytes = encode(full_envelope(), frame);
        const auto* fragment = std::get_if<Fragment>(&frame);
        const bool last = fragment != nullptr && fragment->index + 1 == fragment->count;
        const auto needed = bytes.size() - (last ? fragment->bytes.size() : 0);
        for (std::size_t size = 0; size < needed; ++size)
            CHECK(std::holds_alternative<Error>(decode_content(View(bytes).first(size))));
        if (fragment == nullptr) CHECK(is(decode_content(and_more(bytes, 1)), Error::trailing));
    }
}

TEST_CASE("fields of frames out of range are refused")
{
    constexpr std::size_t kind = 50; // after the envelope
    const auto broadcast = encode(full_envelope(), Broadcast{});
    CHECK(is(decode_content(with(broadcast, kind, 5)), Error::bad_kind));
    CHECK(is(decode_content(with(broadcast, 7, 0)), Error::bad_value));  // boot 0
    CHECK(is(decode_content(with(broadcast, 23, 0)), Error::bad_value)); // sequence 0
    CHECK(is(decode_content(with(broadcast, 48, 4)), Error::bad_value)); // loss above 1000
    const auto fragment = encode(full_envelope(), Fragment{Transfer::request, 5, 0, 2, payload});
    CHECK(is(decode_content(with(fragment, kind + 1, 2)), Error::bad_value));  // transfer
    CHECK(is(decode_content(with(fragment, kind + 11, 2)), Error::bad_value)); // index = count
    CHECK(is(decode_content(with(fragment, kind + 13, 0)), Error::bad_value)); // count 0
    CHECK(is(decode_content(with(fragment, kind + 12, 5)), Error::bad_value)); // count 1282
    CHECK(is(decode_content(and_more(fragment, 1)), Error::trailing));
    const auto ack = encode(full_envelope(), Ack{Transfer::reply, 8, 9, View(bits).first(2)});
    CHECK(is(decode_content(with(ack, kind + 11, 0)), Error::bad_value)); // count 0
    CHECK(is(decode_content(with(ack, kind + 11, 17)), Error::truncated));
    CHECK(is(decode_content(with(ack, kind + 11, 8)), Error::trailing));
}

TEST_CASE("no bytes crash a decoder, and what decodes encodes to the same")
{
    const auto check = [](View bytes) {
        const auto content = decode_content(bytes);
        if (const auto* good = std::get_if<Content>(&content))
            CHECK(encode(good->envelope, good->frame) == copy(bytes));
        const auto message = decode_message(bytes);
        if (const auto* good = std::get_if<core::Message>(&message); good && bytes[0] == 1)
            CHECK(encode(*good) == copy(bytes));
        const auto header = decode_header(bytes);
        if (const auto* good = std::get_if<Header>(&header))
            CHECK(std::ranges::equal(encode(*good), bytes.first(header_bytes)));
    };
    std::vector<Bytes> seeds = {encode(full_message()), copy(encode(Header{}))};
    for (const auto& frame : all_frames()) seeds.push_back(encode(full_envelope(), frame));
    for (const auto& seed : seeds)
        for (std::size_t at = 0; at < seed.size(); ++at)
            for (const int flip : {0x01, 0x80, 0xff})
                check(with(seed, at, static_cast<std::uint8_t>(seed[at] ^ flip)));
    std::minstd_rand random(1);
    for (int round = 0; round < 20'000; ++round) {
        Bytes bytes(random() % 90);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
        if (bytes.size() > 50) bytes[50] %= 6;
        check(bytes);
    }
}

TEST_CASE("a replay window takes each number once")
{
    using Verdict = ReplayWindow::Verdict;
    ReplayWindow window;
    CHECK(window.accept(0) == Verdict::too_old); // numbers start at 1
    CHECK(window.accept(1) == Verdict::fresh);
    CHECK(window.accept(1) == Verdict::seen);
    CHECK(window.accept(5) == Verdict::fresh);
    CHECK(window.accept(3) == Verdict::fresh); // late
    CHECK(window.accept(3) == Verdict::seen);
    CHECK(window.accept(5) == Verdict::seen);
    CHECK(window.accept(5 + ReplayWindow::size) == Verdict::fresh);
    CHECK(window.accept(5) == Verdict::too_old);
    CHECK(window.accept(6) == Verdict::fresh); // the oldest that can be told
    CHECK(window.accept(6) == Verdict::seen);
    CHECK(window.accept(1'000'000) == Verdict::fresh);
    CHECK(window.accept(999'999) == Verdict::fresh);
    CHECK(window.accept(1'000'000 - ReplayWindow::size) == Verdict::too_old);
    CHECK(window.accept(1'000'000 - ReplayWindow::size + 1) == Verdict::fresh);
    CHECK(window.accept(~std::uint64_t{0}) == Verdict::fresh);
    CHECK(window.accept(~std::uint64_t{0}) == Verdict::seen);
}

TEST_CASE("a replay window that starts in the middle takes nothing earlier")
{
    using Verdict = ReplayWindow::Verdict;
    ReplayWindow window;
    CHECK(window.accept(900) == Verdict::fresh);
    window.start_at(500);
    CHECK(window.accept(499) == Verdict::too_old);
    CHECK(window.accept(500) == Verdict::fresh);
    CHECK(window.accept(500) == Verdict::seen);
    CHECK(window.accept(900) == Verdict::fresh);
}

TEST_CASE("a replay window agrees with a set of all numbers")
{
    ReplayWindow window;
    std::vector<bool> seen(30'000);
    std::minstd_rand random(7);
    std::uint64_t newest = 0;
    for (int round = 0; round < 50'000; ++round) {
        const auto back = random() % 5000;
        const std::uint64_t number = std::min<std::uint64_t>(
            29'999, 1 + (newest + random() % 20 > back ? newest + random() % 20 - back : 0));
        const bool told = newest < ReplayWindow::size || number > newest - ReplayWindow::size;
        const bool fresh = window.accept(number) == ReplayWindow::Verdict::fresh;
        CHECK(fresh == (told && !seen[number]));
        if (fresh) seen[number] = true;
        newest = std::max(newest, number);
    }
}

TEST_CASE("fragments in any order make the message again")
{
    for (const std::size_t size : {0, 1, 1023, 1024, 1025, 5000, 1024 * 1024}) {
        Bytes message(size);
        for (std::size_t at = 0; at < size; ++at) message[at] = static_cast<std::uint8_t>(at * 7);
        const auto count = fragment_count(size);
        std::vector<std::uint16_t> order(count);
        for (std::uint16_t index = 0; index < count; ++index) order[index] = index;
        std::shuffle(order.begin(), order.end(), std::minstd_rand(3));
        Assembly assembly(count);
        for (const auto index : order) {
            CHECK_FALSE(assembly.complete());
            const Fragment part{Transfer::request, 1, index, count, fragment_of(message, index)};
            CHECK(assembly.add(part) == Assembly::Verdict::added);
            CHECK(assembly.add(part) == Assembly::Verdict::known);
        }
        REQUIRE(assembly.complete());
        CHECK(assembly.take() == message);
    }
    Assembly assembly(2);
    CHECK(assembly.add(Fragment{Transfer::request, 1, 0, 3, payload}) ==
          Assembly::Verdict::mismatch);
}

TEST_CASE("a set of fragments merges what an acknowledgement names, and no bit beyond")
{
    FragmentSet set(10);
    CHECK(set.add(3));
    CHECK_FALSE(set.add(3));
    CHECK_FALSE(set.add(10));
    CHECK(set.merge(Bytes{0x01, 0xff}));
    CHECK_FALSE(set.merge(Bytes{0x01, 0xff}));
    CHECK(set.has(0));
    CHECK(set.has(9));
    CHECK_FALSE(set.has(10));
    CHECK_FALSE(set.complete());
    CHECK(copy(set.bits()) == Bytes{0x09, 0x03});
    CHECK(set.merge(Bytes{0xff}));
    CHECK(set.complete());
}

} // namespace roleswap::wire_test
