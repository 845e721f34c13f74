#include "link/seal.hpp"
#include "pair.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

using namespace roleswap;
using namespace roleswap::link;
using namespace roleswap::link::test;
using namespace std::chrono_literals;

namespace {

/// Sends "old" so that every copy is parked: sealed, numbered, and never delivered.
std::vector<wire::Bytes> parked_datagrams(TestPair& pair)
{
    for (auto& [name, gate] : pair.second.gates) gate.parked = true;
    pair.second.transport().broadcast(wire::view("old"));
    std::vector<wire::Bytes> parked;
    for (auto& [name, gate] : pair.second.gates) {
        parked.insert(parked.end(), gate.kept.begin(), gate.kept.end());
        gate.kept.clear();
        gate.parked = false;
    }
    return parked;
}

void inject_all(TestPair& pair, const std::vector<wire::Bytes>& datagrams)
{
    for (const auto& datagram : datagrams) {
        const auto header = std::get<wire::Header>(wire::decode_header(datagram));
        pair.inject(pair.first, header.link, datagram);
    }
}

std::uint64_t all_refused(const TestNode& node)
{
    return node.rejected(Rejection::old_boot) + node.rejected(Rejection::unconfirmed_boot) +
           node.rejected(Rejection::replayed);
}

} // namespace

TEST_CASE("a restarted peer is taken once it answered, and its parked datagrams are not")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    const auto parked = parked_datagrams(pair);
    REQUIRE(parked.size() == 3);
    pair.second.restart(2);
    REQUIRE(pair.run_until([&] { return pair.first.transport().peer_boot() == 2; }));
    REQUIRE(pair.come_up());
    CHECK(pair.first.rejected(Rejection::unconfirmed_boot) > 0); // it had to be asked
    CHECK(pair.first.rejected(Rejection::old_boot) == 0);
    inject_all(pair, parked);
    REQUIRE(pair.run_until([&] { return pair.first.rejected(Rejection::old_boot) == 3; }));
    CHECK(pair.first.messages.empty());
}

TEST_CASE("a parked datagram of a dead peer neither gets in nor lifts a link")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    const auto boot = GENERATE(std::uint64_t{1}, std::uint64_t{5});
    if (boot != 1) {
        pair.second.restart(boot);
        REQUIRE(pair.run_until([&] { return pair.first.transport().peer_boot() == boot; }));
    }
    const auto parked = parked_datagrams(pair);
    pair.second.stop();
    pair.first.restart(2); // it knows no boot of the peer now
    inject_all(pair, parked);
    REQUIRE(pair.run_only(pair.first, [&] { return all_refused(pair.first) == 3; }));
    CHECK(pair.first.messages.empty());
    CHECK_FALSE(pair.first.transport().any_live());
    CHECK(pair.first.transport().peer_boot() == 0);
}

TEST_CASE("a restarted node does not take what its peer sent to its predecessor")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    const auto parked = parked_datagrams(pair);
    pair.first.restart(2);
    REQUIRE(pair.come_up());
    inject_all(pair, parked); // of the right boot, but from before the answer
    REQUIRE(pair.run_until([&] { return pair.first.rejected(Rejection::replayed) >= 3; }));
    CHECK(pair.first.messages.empty());
}

TEST_CASE("a replayed datagram does not keep a link alive")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    auto parked = parked_datagrams(pair);
    inject_all(pair, parked); // late, but once: taken
    REQUIRE(pair.run_until([&] { return pair.first.messages.size() == 1; }));
    pair.second.stop();
    const auto replay = [&] {
        inject_all(pair, parked);
        return !pair.first.transport().any_live();
    };
    REQUIRE(pair.run_only(pair.first, replay, 1s));
    CHECK(pair.first.rejected(Rejection::replayed) > 3);
    CHECK(pair.first.messages.size() == 1);
}

TEST_CASE("a reinstalled peer that counts from one again is taken when the old one is silent")
{
    TestPair pair;
    pair.second.restart(7);
    REQUIRE(pair.come_up());
    REQUIRE(pair.first.transport().peer_boot() == 7);
    pair.second.restart(1);
    pair.run_for(60ms);
    CHECK(pair.first.transport().peer_boot() == 7);
    CHECK(pair.first.rejected(Rejection::old_boot) > 0);
    REQUIRE(pair.run_until([&] { return pair.first.transport().peer_boot() == 1; }));
    REQUIRE(pair.come_up());
}

TEST_CASE("another pair and another key are counted and not heard")
{
    TestPair pair;
    pair.second.stop();
    const auto change = GENERATE(0, 1);
    if (change == 0)
        pair.second.options.pair = "beta";
    else
        pair.second.options.key.back() ^= 1;
    pair.second.start();
    REQUIRE(pair.run_until([&] { return pair.first.rejected(Rejection::wrong_pair) >= 9; }));
    CHECK(pair.second.rejected(Rejection::wrong_pair) > 0);
    CHECK_FALSE(pair.first.transport().any_live());
    CHECK(pair.first.changes.empty());
}

TEST_CASE("crossed cables are counted as such")
{
    TestPair pair;
    pair.second.stop();
    std::swap(pair.second.options.links[0], pair.second.options.links[1]);
    pair.second.start();
    REQUIRE(pair.run_until([&] { return pair.first.rejected(Rejection::wrong_link) >= 6; }));
    pair.run_for(100ms);
    CHECK(pair.first.transport().live() == std::vector<std::size_t>{2});
}

TEST_CASE("damaged datagrams are counted by reason and stop nothing")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    const auto good = parked_datagrams(pair).front();
    const auto link = std::get<wire::Header>(wire::decode_header(good)).link;
    const auto count = [&](Rejection reason) {
        return pair.first.transport().status(link).rejected_for(reason);
    };
    const auto is_counted = [&](wire::View datagram, Rejection reason) {
        const auto before = count(reason);
        pair.inject(pair.first, link, datagram);
        return pair.run_until([&] { return count(reason) == before + 1; }, 2s);
    };
    const auto changed = [&](std::size_t at) {
        auto bytes = good;
        bytes.at(at) ^= 0x40;
        return bytes;
    };
    CHECK(is_counted({}, Rejection::malformed));
    CHECK(is_counted(wire::View(good).first(8), Rejection::malformed));
    CHECK(is_counted(wire::view("GET / HTTP/1.0\r\n"), Rejection::malformed));
    CHECK(is_counted(wire::Bytes(5000, 0x52), Rejection::malformed));
    CHECK(is_counted(wire::View(good).first(good.size() - 1), Rejection::forged));
    CHECK(is_counted(wire::View(good).first(20), Rejection::forged));
    CHECK(is_counted(changed(0), Rejection::malformed));
    CHECK(is_counted(changed(2), Rejection::wrong_version));
    CHECK(is_counted(changed(3), Rejection::wrong_pair));
    CHECK(is_counted(changed(8), Rejection::wrong_link));
    for (std::size_t at = wire::header_bytes; at < good.size(); ++at)
        CHECK(is_counted(changed(at), Rejection::forged));
    auto reflected = good;
    reflected[7] ^= 1;
    CHECK(is_counted(reflected, Rejection::wrong_sender));
    CHECK(pair.first.messages.empty());
    CHECK(pair.first.all_up());
    CHECK(is_counted(changed(good.size() - 1), Rejection::forged));
    pair.inject(pair.first, link, good);
    REQUIRE(pair.run_until([&] { return pair.first.messages.size() == 1; }));
}

TEST_CASE("a datagram of another version is counted as such and not heard, on any network")
{
    TestPair pair;
    REQUIRE(pair.come_up());
    const auto asked = pair.first.rejected(Rejection::unconfirmed_boot); // at the beginning
    const int version = GENERATE(wire::protocol_version_oldest - 1, wire::protocol_version + 1);
    for (std::size_t link = 0; link < pair.first.options.links.size(); ++link) {
        pair.inject(pair.first, link,
                    of_version(static_cast<std::uint8_t>(version), pair.first, link));
        const auto status = [&] { return pair.first.transport().status(link); };
        REQUIRE(pair.run_until([&] { return status().rejected_for(Rejection::wrong_version) == 1; },
                               2s));
        CHECK(status().state == LinkState::up);
    }
    CHECK(pair.first.messages.empty());
    CHECK(pair.first.transport().peer_boot() == 1); // and not challenged: nothing of it counts
    CHECK(pair.first.rejected(Rejection::unconfirmed_boot) == asked);
    // The same with the version of today is from a boot that must be asked.
    pair.inject(pair.first, 0, of_version(wire::protocol_version, pair.first, 0));
    CHECK(pair.run_until(
        [&] { return pair.first.rejected(Rejection::unconfirmed_boot) == asked + 1; }));
}

TEST_CASE("a sealed datagram opens at the peer only")
{
    const Key key{1, 2, 3};
    const Seal first(key, "alpha", core::Node::first);
    const Seal second(key, "alpha", core::Node::second);
    const auto header = wire::encode(wire::Header{});
    Nonces nonces(2);
    const auto datagram = first.close(header, wire::view("name of a task"), nonces);
    REQUIRE(second.open(datagram));
    CHECK(wire::text(*second.open(datagram)) == "name of a task");
    CHECK_FALSE(first.open(datagram)); // reflected
    CHECK(wire::text(datagram).find("task") == std::string_view::npos);
    CHECK(first.close(header, wire::view("name of a task"), nonces) != datagram);
}

TEST_CASE("no two datagrams have the same nonce, whether drawn at once or one after another")
{
    std::set<std::vector<std::uint8_t>> seen;
    for (int message = 0; message < 100; ++message) {
        Nonces nonces(Nonces::count_max);
        for (std::size_t copy = 0; copy < Nonces::count_max; ++copy) {
            const auto nonce = nonces.next();
            CHECK(seen.emplace(nonce.begin(), nonce.end()).second);
        }
    }
}
