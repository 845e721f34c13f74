#include "pair.hpp"
#include "support/catch_session.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fmt/format.h>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

bool holds_all(const std::set<int>& all, const std::set<int>& part)
{
    return std::includes(all.begin(), all.end(), part.begin(), part.end());
}

void kill_postmaster(Node& node)
{
    const auto pid = node->snapshot().pid;
    REQUIRE(pid > 1);
    ::kill(pid, SIGKILL);
}

} // namespace

TEST_CASE("acknowledged rows are on the standby when the primary is killed")
{
    Pair pair;
    pair.join();
    pair.mirror(pair.first);
    for (int round = 0; round < 3; ++round) {
        auto& old = round % 2 == 0 ? pair.first : pair.second;
        auto& next = round % 2 == 0 ? pair.second : pair.first;
        old.forget();
        Writer writer(pair.loop, old->conninfo(), round * 100'000);
        REQUIRE(wait(pair.loop, [&] { return writer.acknowledged() > 200; }));
        kill_postmaster(old);
        const auto start = event::Loop::now();
        next->lead(static_cast<core::Epoch>(round + 2));
        next.expect(Kind::primary);
        const auto promoted = event::Loop::now();
        old.expect(Kind::failed);
        REQUIRE(wait(pair.loop, [&] { return writer.ended(); }));
        const auto kept = numbers(pair.loop, next->conninfo());
        CHECK(holds_all(kept, writer.numbers()));
        const auto rejoin = event::Loop::now();
        old->follow(static_cast<core::Epoch>(round + 2));
        old.expect(Kind::following);
        fmt::print("takeover: {} acknowledged, promote {:.1f} ms, rejoin {:.0f} ms{}\n",
                   writer.acknowledged(), ms(promoted - start), ms(event::Loop::now() - rejoin),
                   old.noted("rewind-done") ? " with rewind" : "");
        pair.mirror(next);
        CHECK(numbers(pair.loop, old->conninfo()) == numbers(pair.loop, next->conninfo()));
    }
}

TEST_CASE("a planned swap loses nothing and the old primary follows without a rewind")
{
    Pair pair;
    pair.join();
    pair.mirror(pair.first);
    for (int round = 0; round < 6; ++round) {
        auto& old = round % 2 == 0 ? pair.first : pair.second;
        auto& next = round % 2 == 0 ? pair.second : pair.first;
        Writer writer(pair.loop, old->conninfo(), round * 100'000);
        REQUIRE(wait(pair.loop, [&] { return writer.acknowledged() > 100; }));
        old.forget();
        const auto start = event::Loop::now();
        old->freeze();
        const auto position = old.expect(Kind::frozen).position;
        const auto frozen = event::Loop::now();
        CHECK(old->snapshot().state == core::StoreState::frozen);
        next->lead(static_cast<core::Epoch>(round + 2));
        CHECK(next.expect(Kind::primary).position >= position);
        const auto promoted = event::Loop::now();
        old->follow(static_cast<core::Epoch>(round + 2));
        CHECK(holds_all(numbers(pair.loop, next->conninfo()), writer.numbers()));
        old.expect(Kind::following);
        fmt::print("swap: freeze {:.1f} ms, promote {:.1f} ms, rejoin {:.0f} ms\n",
                   ms(frozen - start), ms(promoted - frozen), ms(event::Loop::now() - promoted));
        CHECK_FALSE(old.noted("rewind-started"));
        CHECK_FALSE(old.noted("base-backup-started"));
        const auto mirror = event::Loop::now();
        pair.mirror(next);
        fmt::print("  mirrored again in {:.0f} ms\n", ms(event::Loop::now() - mirror));
    }
}

TEST_CASE("a freeze can be taken back, and fails in time without the standby")
{
    Pair pair;
    pair.join();
    pair.mirror(pair.first);
    pair.first->freeze();
    pair.first.expect(Kind::frozen);
    CHECK_THROWS_AS(ask(pair.loop, pair.first->conninfo(), "insert into numbers values (1)"),
                    pg::Error);
    CHECK(ask(pair.loop, pair.first->conninfo(), "select count(*) from numbers") == "0");
    pair.first->thaw();
    pair.first.expect(Kind::thawed);
    CHECK_NOTHROW(ask(pair.loop, pair.first->conninfo(), "insert into numbers values (1)"));
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    const auto start = event::Loop::now();
    pair.first->freeze();
    pair.first.expect(Kind::freeze_failed);
    CHECK(event::Loop::now() - start < 1s);
    pair.first->set_mode(core::Mode::alone);
    pair.first.expect(Kind::alone);
    CHECK_NOTHROW(ask(pair.loop, pair.first->conninfo(), "insert into numbers values (2)"));
}

TEST_CASE("a diverged old primary rewinds and holds what the new one holds")
{
    Pair pair;
    pair.join();
    pair.part("insert into numbers select generate_series(10, 5000)");
    const auto start = event::Loop::now();
    pair.first->follow(2);
    pair.first.expect(Kind::following);
    fmt::print("rewind: {:.0f} ms\n", ms(event::Loop::now() - start));
    CHECK(pair.first.noted("diverged"));
    CHECK(pair.first.noted("rewind-done"));
    CHECK_FALSE(pair.first.noted("base-backup-started"));
    pair.mirror(pair.second);
    CHECK(numbers(pair.loop, pair.first->conninfo()) == std::set<int>{2});
}

TEST_CASE("a standby without data, or with a foreign cluster, is copied anew")
{
    Pair pair;
    pair.join();
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    std::filesystem::remove_all(pair.second.cluster());
    pair.second.forget();
    pair.second->follow(1);
    pair.second.expect(Kind::following);
    CHECK(pair.second.noted("base-backup-done"));

    pair.second->stop();
    pair.second.expect(Kind::stopped);
    std::filesystem::remove_all(pair.second.cluster());
    pair.second->lead(2); // a cluster of its own
    pair.second.expect(Kind::primary);
    pair.second.forget();
    const auto start = event::Loop::now();
    pair.second->follow(3);
    pair.second.expect(Kind::following);
    fmt::print("base backup: {:.0f} ms\n", ms(event::Loop::now() - start));
    CHECK(pair.second.noted("base-backup-done"));
    pair.mirror(pair.first);
}

TEST_CASE("an interrupted base backup starts over")
{
    Pair pair;
    pair.first->lead(1);
    pair.first.expect(Kind::primary);
    pair.second->follow(1);
    REQUIRE(wait(pair.loop, [&] { return pair.second->snapshot().copy_bytes_total > 0; }));
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    CHECK_FALSE(pair.second->has_data());
    pair.second.restart();
    pair.second->follow(1);
    pair.second.expect(Kind::following);
    CHECK(pair.second->has_data());
}

TEST_CASE("mirrored commits wait for the standby, going alone releases them")
{
    Pair pair;
    pair.join();
    pair.mirror(pair.first);
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    Writer writer(pair.loop, pair.first->conninfo(), 1);
    REQUIRE(wait(pair.loop, [&] {
        return ask(pair.loop, pair.first->conninfo(),
                   "select count(*) from pg_stat_activity where wait_event = 'SyncRep'") == "1";
    }));
    CHECK(writer.acknowledged() == 0);
    const auto start = event::Loop::now();
    pair.first->set_mode(core::Mode::alone);
    pair.first.expect(Kind::alone);
    REQUIRE(wait(pair.loop, [&] { return writer.acknowledged() > 0; }));
    fmt::print("going alone releases after {:.1f} ms\n", ms(event::Loop::now() - start));
}

TEST_CASE("a commit that waits when the primary is killed is in doubt")
{
    Pair pair;
    pair.join();
    pair.mirror(pair.first);
    const auto pending = [&] { return pair.first->snapshot().pending; };
    REQUIRE(wait(pair.loop, [&] { return pending() == 0; }));
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    pg::Connection connection(pair.loop, {pair.first->conninfo()});
    std::optional<pg::Outcome> outcome;
    connection.connect();
    connection.transaction({{"insert into numbers values (1)"}},
                           [&](pg::Outcome got) { outcome = std::move(got); });
    REQUIRE(wait(pair.loop, [&] {
        return ask(pair.loop, pair.first->conninfo(),
                   "select count(*) from pg_stat_activity where wait_event = 'SyncRep'") == "1";
    }));
    // A standby that is gone lacks the commit, it does not hold everything.
    CHECK(wait(pair.loop, [&] { return pending().value_or(0) > 0; }));
    CHECK_FALSE(pair.first->snapshot().streaming);
    kill_postmaster(pair.first);
    REQUIRE(wait(pair.loop, [&] { return outcome.has_value(); }));
    CHECK(std::holds_alternative<pg::InDoubt>(*outcome));
    pair.first.expect(Kind::failed);
}

TEST_CASE("the stream moves to another link at once")
{
    Pair pair;
    pair.join();
    pair.mirror(pair.first);
    const auto links = pair.second.options().links;
    CHECK(pair.second->snapshot().link == "lan-a");
    Writer writer(pair.loop, pair.first->conninfo(), 1);
    REQUIRE(wait(pair.loop, [&] { return writer.acknowledged() > 50; }));
    for (const std::size_t link : {1, 0}) {
        const auto start = event::Loop::now();
        const auto before = writer.acknowledged();
        pair.second->set_link_order({link});
        REQUIRE(
            wait(pair.loop, [&] { return pair.second->snapshot().address == links[link].peer; }));
        REQUIRE(wait(pair.loop, [&] { return writer.acknowledged() > before + 50; }));
        fmt::print("link move: seen after {:.0f} ms, worst commit {:.1f} ms\n",
                   ms(event::Loop::now() - start), writer.worst_ms());
    }
    CHECK(writer.worst_ms() < 400);
}

TEST_CASE("the network gets in with TLS and the right password only, never as superuser")
{
    Pair pair;
    pair.join();
    const auto& options = pair.second.options();
    const auto base =
        fmt::format("host={} port={} dbname=postgres ", options.links[0].peer, options.peer_port);
    const auto try_in = [&](const std::string& rest) {
        return ask(pair.loop, base + rest, "select 1");
    };
    CHECK(try_in("user=roleswap_replica password='replica\\'s \\\\ secret' sslmode=require") ==
          "1");
    CHECK_THROWS_AS(try_in("user=roleswap_replica password=wrong sslmode=require"), pg::Error);
    CHECK_THROWS_AS(
        try_in("user=roleswap_replica password='replica\\'s \\\\ secret' sslmode=disable"),
        pg::Error);
    ask(pair.loop, pair.first->conninfo(), "alter role roleswap password 'known'");
    CHECK_THROWS_AS(try_in("user=roleswap password=known sslmode=require"), pg::Error);
    ask(pair.loop, pair.first->conninfo(), "create role app login password 'apps'");
    CHECK(try_in("user=app password=apps sslmode=require") == "1");
}

TEST_CASE("a daemon that starts again finds its store, a stopped primary leads again")
{
    Pair pair;
    pair.join();
    pair.mirror(pair.first);
    ask(pair.loop, pair.first->conninfo(), "insert into numbers values (7)");
    pair.first.restart(); // postgres of the first is being killed meanwhile
    pair.first->lead(2);
    pair.first.expect(Kind::primary);
    CHECK(numbers(pair.loop, pair.first->conninfo()) == std::set<int>{7});
    CHECK_NOTHROW(ask(pair.loop, pair.first->conninfo(), "insert into numbers values (8)"));
    pair.second.expect(Kind::following);
    pair.second.restart();
    pair.second->follow(2);
    pair.second.expect(Kind::following);
    pair.mirror(pair.first);
    CHECK(numbers(pair.loop, pair.second->conninfo()) == std::set<int>{7, 8});
}

int main(int argc, char** argv)
{
    bin_dir();
    return roleswap::test::run_tests(argc, argv);
}
