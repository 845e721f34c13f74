// What only a returning old primary holds is kept, whatever way it becomes a standby again.
#include "pair.hpp"
#include "support/catch_session.hpp"
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> spools(const Node& node)
{
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(node.options().data_dir) / "history"))
        files.push_back(entry.path());
    return files;
}

/// All lines of all files.
std::set<std::string> kept(const Node& node)
{
    std::set<std::string> lines;
    for (const auto& path : spools(node)) {
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);) lines.insert(line);
    }
    return lines;
}

std::string line_of(int number)
{
    return "{\"kind\":\"run\",\"row\":{\"n\" : " + std::to_string(number) + "}}";
}

/// As Pair::part, with a row 1 that both have.
void part(Pair& pair, const std::string& only_first)
{
    pair.join();
    ask(pair.loop, pair.first->conninfo(), "insert into numbers values (1)");
    pair.part(only_first);
}

bool told(const Node& node, const std::string& text)
{
    return node.story().find(text) != std::string::npos;
}

} // namespace

TEST_CASE("rows that only a diverged old primary holds are kept before its rewind")
{
    Pair pair;
    part(pair, "insert into numbers select generate_series(100, 1099)");
    const auto start = event::Loop::now();
    pair.first->follow(2);
    pair.first.expect(Kind::following);
    std::printf("rejoin with history: %.0f ms\n", ms(event::Loop::now() - start));
    CHECK(pair.first.noted("history-found"));
    CHECK(pair.first.noted("rewind-done"));
    CHECK(pair.first->snapshot().way == "rewind");
    std::set<std::string> expected;
    for (int number = 100; number < 1100; ++number) expected.insert(line_of(number));
    CHECK(kept(pair.first) == expected);
    REQUIRE(spools(pair.first).size() == 1);
    CHECK(fs::status(spools(pair.first)[0]).permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(numbers(pair.loop, pair.first->conninfo()) == std::set<int>{1, 2});
    CHECK_FALSE(fs::exists(pair.first.cluster().parent_path() / "led"));
}

TEST_CASE("nothing is kept where the old primary has no commit of its own")
{
    Pair pair;
    part(pair, "select pg_switch_wal() from pg_logical_emit_message(false, 'no', 'commit')");
    pair.first->follow(2);
    pair.first.expect(Kind::following);
    CHECK_FALSE(pair.first.noted("history-found"));
    CHECK(spools(pair.first).empty());
}

TEST_CASE("an old primary of another history is read completely before it is copied over")
{
    Pair pair;
    pair.join();
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    fs::remove_all(pair.second.cluster());
    pair.second->lead(2); // a cluster of its own
    pair.second.expect(Kind::primary);
    ask(pair.loop, pair.second->conninfo(), "create table numbers(n int primary key)");
    ask(pair.loop, pair.second->conninfo(), "insert into numbers values (7)");
    pair.second.forget();
    pair.second->follow(3);
    pair.second.expect(Kind::following);
    CHECK(kept(pair.second) ==
          std::set<std::string>{"{\"kind\":\"run\",\"whole\":true,\"row\":{\"n\" : 7}}"});
    CHECK(pair.second->snapshot().way == "full copy");
    CHECK(numbers(pair.loop, pair.second->conninfo()).empty());
}

TEST_CASE("an old primary that cannot be read is put aside, never removed")
{
    Pair pair;
    part(pair, "insert into numbers select generate_series(100, 200)");
    std::fstream control(pair.first.cluster() / "global/pg_control");
    control.seekp(60); // its checksum is wrong then: no server starts with it
    control << "broken" << std::flush;
    pair.first->follow(2);
    pair.first.expect(Kind::following);
    CHECK(pair.first.noted("history-unreadable"));
    CHECK(pair.first.noted("history-kept-aside"));
    CHECK(pair.first.noted("base-backup-done"));
    CHECK(fs::exists(pair.first.cluster().parent_path() / "pg.kept.1/PG_VERSION"));
    CHECK(spools(pair.first).empty());
    CHECK(numbers(pair.loop, pair.first->conninfo()) == std::set<int>{1, 2});
}

TEST_CASE("a server that dies while it is read is read again")
{
    Pair pair;
    part(pair, "insert into numbers select generate_series(100, 20100)");
    pair.first->follow(2);
    REQUIRE(wait(pair.loop, [&] {
        return pair.first->snapshot().detail == "reading what only this node holds" &&
               pair.first->snapshot().pid > 0;
    }));
    ::kill(pair.first->snapshot().pid, SIGKILL);
    pair.first.expect(Kind::following);
    CHECK(kept(pair.first).size() == 20'001);
    CHECK(pair.first.noted("rewind-done"));
}

TEST_CASE("an order to stop in the middle of reading loses nothing")
{
    Pair pair;
    part(pair, "insert into numbers select generate_series(100, 20100)");
    pair.first->follow(2);
    REQUIRE(wait(pair.loop, [&] {
        return pair.first->snapshot().detail == "reading what only this node holds";
    }));
    pair.first.restart();
    pair.first->follow(2);
    pair.first.expect(Kind::following);
    CHECK(kept(pair.first).size() == 20'001);
}

TEST_CASE("a standby that only was away says that it streams, and why")
{
    Pair pair;
    pair.join();
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    pair.second.restart();
    pair.second->follow(1);
    pair.second.expect(Kind::following);
    CHECK(pair.second->snapshot().way == "streaming");
    CHECK(told(pair.second, "note rejoin: streaming: this node holds nothing"));
}

int main(int argc, char** argv)
{
    bin_dir();
    return roleswap::test::run_tests(argc, argv);
}
