// The ways back of a node when the first one fails: which is taken, why, and that nothing is given
// up before its successor is checked.
#include "pair.hpp"
#include "programs.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

std::function<void(store::Options&)> with(const Programs& programs)
{
    return [&programs](store::Options& options) { options.bin_dir = programs.folder(); };
}

std::size_t count(const Node& node, const std::string& text)
{
    std::size_t found = 0;
    const auto& story = node.story();
    for (auto at = story.find(text); at != std::string::npos; at = story.find(text, at + 1))
        ++found;
    return found;
}

constexpr const char* only_first = "insert into numbers values (1)";

/// `first` has become a standby of `second` by a full copy, for this reason, and kept its row.
void is_copied(Pair& pair, const std::string& why)
{
    CHECK(pair.first->snapshot().way == "full copy");
    CHECK_THAT(pair.first->snapshot().way_why, Catch::Contains(why));
    CHECK(count(pair.first, "note history-found") == 1);
    CHECK(numbers(pair.loop, pair.first->conninfo()) == std::set<int>{2});
    pair.mirror(pair.second);
}

/// `second` has a cluster of its own, and is told to follow `first`.
void follow_with_foreign(Pair& pair)
{
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    fs::remove_all(pair.second.cluster());
    pair.second->lead(2);
    pair.second.expect(Kind::primary);
    std::ofstream(pair.second.cluster() / "mine") << "the old cluster";
    pair.second.forget();
    pair.second->follow(3);
}

} // namespace

TEST_CASE("a copy that is not what the master has takes the place of nothing")
{
    const Programs programs;
    // The first copy is broken, the second waits until it has been looked at what the first left.
    programs.plant("pg_verifybackup", "if [ -e $HERE/once ]; then\n"
                                      "    touch $HERE/twice\n"
                                      "    while [ -e $HERE/broken ]; do sleep 0.05; done\n"
                                      "elif [ -e $HERE/broken ]; then\n"
                                      "    echo x >>$LAST/base/1/PG_VERSION\n"
                                      "    touch $HERE/once\n"
                                      "fi\n"
                                      "exec $REAL \"$@\"");
    Pair pair(with(programs));
    pair.join();
    programs.mark("broken");
    follow_with_foreign(pair);
    REQUIRE(wait(pair.loop, [&] { return programs.marked("twice"); }));
    const auto store = pair.second.cluster().parent_path();
    CHECK(fs::exists(pair.second.cluster() / "mine"));
    CHECK_FALSE(fs::exists(store / "pg.old"));
    CHECK_FALSE(fs::exists(store / "pg.ready"));
    CHECK_FALSE(pair.second.told(Kind::following));
    CHECK(count(pair.second, "note base-backup-failed: the copy is not what the primary has") == 1);
    CHECK(count(pair.second, "base/1/PG_VERSION") == 1);

    programs.unmark("broken");
    pair.second.expect(Kind::following);
    CHECK_FALSE(fs::exists(pair.second.cluster() / "mine"));
    CHECK(pair.second.noted("base-backup-done"));
}

TEST_CASE("where a rewind fails or is killed midway, the store is copied, and it is told why")
{
    const auto [accident, reason] = GENERATE(table<const char*, const char*>({
        {"echo 'pg_rewind: error: planted'; exit 1", "a rewind failed: error: planted"},
        // Half a file of control is what an interrupted write leaves.
        {"truncate -s 100 $2/global/pg_control; kill -KILL $$", "a rewind failed: "},
    }));
    const Programs programs;
    programs.plant("pg_rewind", accident);
    Pair pair(with(programs));
    pair.join();
    pair.part(only_first);
    pair.first->follow(2);
    pair.first.expect(Kind::following);
    CHECK(pair.first.noted("rewind-failed"));
    is_copied(pair, reason);
}

TEST_CASE("a daemon that dies during a rewind knows that its store is torn")
{
    const Programs programs;
    programs.plant("pg_rewind", "truncate -s 100 $2/global/pg_control; touch $HERE/begun; "
                                "exec sleep 600");
    Pair pair(with(programs));
    pair.join();
    pair.part(only_first);
    pair.first->follow(2);
    REQUIRE(wait(pair.loop, [&] { return programs.marked("begun"); }));
    pair.first.restart();
    pair.first->follow(2);
    pair.first.expect(Kind::following);
    is_copied(pair, "a rewind of this node was interrupted");
}

TEST_CASE("a standby whose slot and log the master has no longer is copied")
{
    Pair pair([](store::Options& options) { options.settings["wal_keep_size"] = "0"; });
    pair.join();
    pair.second->stop();
    pair.second.expect(Kind::stopped);
    // Two checkpoints with new segments between them let the old ones go, where no slot holds them;
    // the master makes it again after a while.
    for (int i = 0; i < 2; ++i) {
        for (int segment = 0; segment < 70; ++segment)
            ask(pair.loop, pair.first->conninfo(),
                "select pg_switch_wal() from pg_logical_emit_message(true, 'fill', 'x')");
        ask(pair.loop, pair.first->conninfo(),
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots");
        ask(pair.loop, pair.first->conninfo(), "checkpoint");
    }
    pair.second.forget();
    pair.second->follow(1);
    pair.second.expect(Kind::following);
    CHECK(pair.second->snapshot().way == "full copy");
    CHECK_THAT(pair.second->snapshot().way_why,
               Catch::Contains("the master has no longer the log from where this node stopped"));
}

TEST_CASE("a copy whose connection breaks at half begins again by itself, and is told once")
{
    const Programs programs;
    // Slow, so that half of it can be met.
    programs.plant("pg_basebackup",
                   "if [ -e $HERE/slow ]; then exec $REAL --max-rate=4M \"$@\"; fi\n"
                   "exec $REAL \"$@\"");
    programs.mark("slow");
    Pair pair(with(programs));
    pair.first->lead(1);
    pair.first.expect(Kind::primary);
    pair.second->follow(1);
    const char* const cut = "select count(pg_terminate_backend(pid)) from pg_stat_replication "
                            "where state = 'backup'";
    for (int i = 0; i < 2; ++i) {
        REQUIRE(wait(pair.loop, [&] { return pair.second->snapshot().copy_done > 0.4; }));
        REQUIRE(ask(pair.loop, pair.first->conninfo(), cut) == "1");
        REQUIRE(wait(pair.loop, [&] { return pair.second.noted("base-backup-failed"); }));
        REQUIRE(wait(pair.loop, [&] { return pair.second->snapshot().copy_done < 0.3; }));
    }
    programs.unmark("slow");
    pair.second.expect(Kind::following);
    CHECK(count(pair.second, "note base-backup-failed") == 1);
    CHECK(count(pair.second, "note base-backup-started") == 1);
    CHECK(pair.second.noted("base-backup-done"));
}

TEST_CASE("a copy goes on after the disk stood still for some seconds")
{
    const Programs programs;
    programs.plant("pg_basebackup", "echo $$ >$HERE/pid\nexec $REAL --max-rate=4M \"$@\"");
    Pair pair(with(programs));
    pair.first->lead(1);
    pair.first.expect(Kind::primary);
    pair.second->follow(1);
    REQUIRE(wait(pair.loop, [&] { return pair.second->snapshot().copy_done > 0.3; }));
    // Of a program that waits for a disk nothing else is seen: neither of its processes reads on.
    const auto signal = [&](const char* name) {
        return std::system(fmt::format("read -r pid <{}/pid && kill -{} $pid $(pgrep -P $pid)",
                                       programs.folder(), name)
                               .c_str());
    };
    REQUIRE(signal("STOP") == 0);
    const auto never = [] { return false; };
    wait(pair.loop, never, 5s); // longer than any time-out of the mirror
    REQUIRE(signal("CONT") == 0);
    pair.second.expect(Kind::following);
    CHECK_FALSE(pair.second.noted("base-backup-failed"));
}
