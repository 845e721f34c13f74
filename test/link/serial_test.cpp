#include "null_modem.hpp"
#include "pair.hpp"
#include "wire/frame.hpp"
#include "wire/message.hpp"
#include "wire/serial_frame.hpp"
#include "wire/serial_pace.hpp"
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <random>

using namespace roleswap;
using namespace roleswap::link;
using namespace roleswap::link::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t serial = 3; ///< index of the null-modem link

/// Two nodes with three networks and a null-modem cable.
struct SerialPair {
    explicit SerialPair(std::uint32_t baud = 115200)
    {
        for (unsigned side = 0; side < 2; ++side) {
            auto& options = node(side).options;
            options.links.push_back({"null-modem", cable.path(side), cable.path(1 - side), 0, ""});
            options.links.back().baud = baud;
        }
    }
    void start()
    {
        first.start();
        second.start();
    }
    TestNode& node(unsigned side) { return side == 0 ? first : second; }
    LinkStatus status(unsigned side) { return node(side).transport().status(serial); }
    bool up(unsigned side) { return status(side).state == LinkState::up; }
    void cut_networks(bool cut)
    {
        for (const auto* name : {"lan-a", "lan-b", "crossover"})
            first.gates[name].cut = second.gates[name].cut = cut;
    }
    bool run_until(const std::function<bool()>& condition, Duration limit = 10s)
    {
        const auto end = event::Loop::now() + limit;
        const std::array loops{&cable_loop, &first.loop, &second.loop};
        while (!condition()) {
            if (event::Loop::now() >= end) return false;
            std::array<pollfd, 3> fds{};
            for (std::size_t i = 0; i < loops.size(); ++i) {
                for (int events = 0; events < 64; ++events)
                    if (event::check(sd_event_run(loops[i]->get(), 0), "run") == 0) break;
                fds[i] = {sd_event_get_fd(loops[i]->get()), POLLIN, 0};
            }
            ::poll(fds.data(), fds.size(), 1);
        }
        return true;
    }
    void run_for(Duration time)
    {
        const auto end = event::Loop::now() + time;
        run_until([&] { return event::Loop::now() >= end; }, 2 * time);
    }
    bool come_up()
    {
        return run_until([&] { return first.all_up() && second.all_up(); });
    }
    /// Only the serial link lives.
    bool come_down_to_serial()
    {
        cut_networks(true);
        return run_until([&] {
            const std::vector<std::size_t> only{serial};
            return first.transport().live() == only && second.transport().live() == only;
        });
    }

    event::Loop cable_loop;
    NullModem cable{cable_loop};
    TestNode first{core::Node::first, 1};
    TestNode second{core::Node::second, 1};
};

std::uint64_t received(SerialPair& pair, unsigned side)
{
    return pair.status(side).received.datagrams;
}

} // namespace

TEST_CASE("with every network cut the peer is heard over the null-modem cable alone")
{
    SerialPair pair;
    pair.start();
    REQUIRE(pair.come_up());
    REQUIRE(pair.come_down_to_serial());
    const auto before = received(pair, 1);
    pair.first.transport().broadcast(wire::view("role"));
    pair.run_for(500ms);
    CHECK(pair.up(0));
    CHECK(pair.up(1));
    CHECK(pair.first.transport().any_live());
    CHECK(received(pair, 1) >= before + 9); // one each 40 ms
    CHECK(pair.second.transport().peer_boot() == 1);
    const auto status = pair.status(1);
    REQUIRE(status.rtt_ms);
    CHECK(*status.rtt_ms < 40);
    CHECK(status.baud == 115200);
    CHECK(status.interval == 40ms);
    CHECK(status.loss() == 0);
    CHECK(status.rejected_for(Rejection::malformed) == 0);
    fmt::print("figure: 115200 baud: {} datagrams of {} bytes in 0.5 s\n",
               received(pair, 1) - before, status.received.bytes / status.received.datagrams);
}

TEST_CASE("a pair can begin on the null-modem cable alone, and a restarted peer is confirmed on it")
{
    SerialPair pair(9600);
    pair.cut_networks(true);
    pair.start();
    REQUIRE(pair.run_until([&] { return pair.up(0) && pair.up(1); }));
    pair.second.restart(2);
    REQUIRE(pair.run_until([&] { return pair.first.transport().peer_boot() == 2; }));
    REQUIRE(pair.run_until([&] { return pair.up(0) && pair.up(1); }));
    CHECK(pair.first.transport().live() == std::vector<std::size_t>{serial});
}

TEST_CASE("messages are sent as often as the baud rate allows, and the line is never overrun")
{
    const auto baud = GENERATE(9600U, 19200U, 57600U, 115200U);
    SerialPair pair(baud);
    pair.start();
    REQUIRE(pair.come_up());
    const auto role = wire::encode(core::Message{});
    event::Timer beat(pair.first.loop, [&] { pair.first.transport().broadcast(role); });
    beat.start_every(7ms); // changes come whenever they like
    pair.run_for(300ms);
    const auto sent = pair.cable.sent[0];
    const auto begin = event::Loop::now();
    pair.run_for(2s);
    const auto seconds = milliseconds(event::Loop::now() - begin) / 1000;
    const auto bytes = static_cast<double>(pair.cable.sent[0] - sent);
    const auto share = bytes * wire::serial_bits_per_byte / seconds / baud;
    CHECK(share <= 1.0);
    CHECK(share > 0.25);
    const auto pace = wire::serial_pace(baud, pair.first.options.heartbeat);
    fmt::print(
        "figure: {} baud: message {:.0f} ms, interval {:.0f} ms, dead after {:.0f} ms, answer "
        "{:.0f} ms at worst, least takeover delay {} ms; line used {:.0f} %\n",
        baud, milliseconds(pace.message), milliseconds(pace.interval),
        milliseconds(pace.dead_after), milliseconds(pace.answer), pace.takeover_delay_min().count(),
        share * 100);
}

TEST_CASE("requests never take the null-modem cable")
{
    SerialPair pair;
    pair.start();
    REQUIRE(pair.come_up());
    bool answered = false;
    pair.run_for(200ms);
    const auto sent = pair.status(0).sent.bytes;
    pair.first.transport().request(wire::Bytes(100'000, 'x'), 5s, [&](const Answer& answer) {
        answered = std::holds_alternative<wire::Bytes>(answer);
    });
    REQUIRE(pair.run_until([&] { return answered; }));
    CHECK(pair.status(0).sent.bytes - sent < 5'000);

    REQUIRE(pair.come_down_to_serial());
    std::optional<RequestError> failed;
    pair.first.transport().request(wire::view("x"), 300ms, [&](const Answer& answer) {
        failed = std::get<RequestError>(answer);
    });
    REQUIRE(pair.run_until([&] { return failed.has_value(); }));
    CHECK(*failed == RequestError::timed_out);
    CHECK(pair.second.executed.size() == 1); // the first one only
}

TEST_CASE("garbage on the line is counted and disturbs no message")
{
    SerialPair pair;
    pair.start();
    REQUIRE(pair.come_up());
    REQUIRE(pair.come_down_to_serial());
    std::minstd_rand random(5);
    for (int round = 0; round < 20; ++round) {
        wire::Bytes noise(700);
        for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
        if (round % 3 == 0) std::ranges::fill(noise, 0xff); // no border in it, longer than a frame
        noise.push_back(0);
        pair.cable.inject(1, noise);
        pair.run_for(20ms);
    }
    const auto before = received(pair, 1);
    pair.run_for(400ms);
    CHECK(received(pair, 1) >= before + 8);
    CHECK(pair.up(1));
    CHECK(pair.status(1).rejected_for(Rejection::malformed) >= 20);
    CHECK(pair.status(1).rejected_for(Rejection::forged) == 0);
}

TEST_CASE("a noisy cable loses messages, is measured, and heals")
{
    SerialPair pair;
    pair.start();
    REQUIRE(pair.come_up());
    REQUIRE(pair.come_down_to_serial());
    std::minstd_rand random(9);
    // One in three messages loses its end or has a bit flipped.
    pair.cable.set_filter(0, [&](wire::Bytes& bytes) {
        if (random() % 3 != 0) return;
        if (random() % 2 == 0)
            bytes.resize(bytes.size() / 2);
        else
            bytes[bytes.size() / 2] ^= 0x10;
    });
    pair.run_for(2s);
    const auto noisy = pair.status(1);
    CHECK(noisy.state == LinkState::up);
    CHECK(noisy.loss_in > 0.1);
    CHECK(noisy.loss_in < 0.7);
    CHECK(noisy.rejected_for(Rejection::malformed) > 5);
    CHECK(pair.status(0).loss_out > 0.1);
    pair.cable.set_filter(0, {});
    const auto bad = noisy.rejected_for(Rejection::malformed);
    pair.run_for(500ms);
    CHECK(pair.status(1).rejected_for(Rejection::malformed) <= bad + 1);
}

TEST_CASE("a replayed frame is refused and keeps no dead peer alive")
{
    SerialPair pair;
    wire::Bytes heard;
    pair.cable.set_filter(0, [&](const wire::Bytes& bytes) {
        heard.insert(heard.end(), bytes.begin(), bytes.end());
    });
    pair.start();
    REQUIRE(pair.come_up());
    REQUIRE(pair.come_down_to_serial());
    pair.run_for(300ms);
    const auto tape = heard;
    pair.first.stop();
    event::Timer player(pair.cable_loop, [&] { pair.cable.inject(1, tape); });
    player.start_every(50ms);
    REQUIRE(pair.run_until([&] { return !pair.up(1); }, 3s));
    pair.run_for(300ms);
    CHECK_FALSE(pair.second.transport().any_live());
    CHECK(pair.status(1).rejected_for(Rejection::replayed) > 10);
}

TEST_CASE("a frame made with another key or for another pair is refused")
{
    SerialPair pair;
    const bool key = GENERATE(true, false);
    if (key)
        pair.second.options.key.fill(8);
    else
        pair.second.options.pair = "beta";
    pair.cut_networks(true);
    pair.start();
    pair.run_for(600ms);
    CHECK_FALSE(pair.up(0));
    CHECK_FALSE(pair.up(1));
    CHECK(pair.status(0).rejected_for(Rejection::wrong_pair) > 5);
    CHECK(pair.status(0).received.datagrams == 0);
}

TEST_CASE("a frame of another version is counted as such and not heard")
{
    SerialPair pair;
    pair.start();
    REQUIRE(pair.come_up());
    REQUIRE(pair.come_down_to_serial());
    const auto asked = pair.second.rejected(Rejection::unconfirmed_boot); // at the beginning
    const int version = GENERATE(wire::protocol_version_oldest - 1, wire::protocol_version + 1);
    const auto datagram = of_version(static_cast<std::uint8_t>(version), pair.second, serial);
    pair.cable.inject(1, wire::encode_serial_frame(datagram));
    REQUIRE(
        pair.run_until([&] { return pair.status(1).rejected_for(Rejection::wrong_version) == 1; }));
    CHECK(pair.second.messages.empty());
    CHECK(pair.second.transport().peer_boot() == 1);
    CHECK(pair.second.rejected(Rejection::unconfirmed_boot) == asked);
    const auto before = received(pair, 1);
    pair.run_for(400ms);
    CHECK(received(pair, 1) >= before + 8); // what follows it is heard
    CHECK(pair.up(1));
}

TEST_CASE("a cable that carries one direction is up at one side only")
{
    SerialPair pair;
    pair.start();
    REQUIRE(pair.come_up());
    REQUIRE(pair.come_down_to_serial());
    pair.cable.cut(0, true); // the transmit wire of the first node
    REQUIRE(pair.run_until([&] { return !pair.up(1); }));
    pair.run_for(300ms);
    CHECK(pair.up(0));
    CHECK_FALSE(pair.up(1));
    pair.cable.cut(0, false);
    REQUIRE(pair.run_until([&] { return pair.up(1); }));
    CHECK(pair.status(1).trouble.empty());
}

TEST_CASE("a port that is pulled out and put back is opened again")
{
    SerialPair pair;
    pair.start();
    REQUIRE(pair.come_up());
    const auto path = pair.cable.path(0);
    pair.cable.unplug(0);
    REQUIRE(pair.run_until([&] { return !pair.up(0) && !pair.up(1); }));
    CHECK_THAT(pair.status(0).trouble, Catch::Contains(path));
    CHECK(pair.first.transport().live() == std::vector<std::size_t>{0, 1, 2});
    pair.cable.plug(0); // the kernel gives the lowest free number: the same path
    REQUIRE(pair.cable.path(0) == path);
    REQUIRE(pair.run_until([&] { return pair.up(0) && pair.up(1); }));
    CHECK(pair.status(0).trouble.empty());
}

TEST_CASE("a port that is not there is told, and no network suffers")
{
    SerialPair pair;
    pair.first.options.links[serial].local = "/dev/no-such-port";
    pair.start();
    REQUIRE(pair.run_until([&] { return pair.first.transport().live().size() == 3; }));
    CHECK_THAT(pair.status(0).trouble, Catch::Contains("/dev/no-such-port"));
    pair.run_for(200ms);
    CHECK_FALSE(pair.up(0));
    CHECK_FALSE(pair.up(1));
}
