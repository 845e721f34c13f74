// What a store that nobody uses is asked: little, and nothing is seen later for it.
#include "cluster.hpp"
#include "store/history_files.hpp"
#include "store/look_pace.hpp"
#include <catch2/catch.hpp>
#include <fstream>

using namespace roleswap;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using event::Duration;

namespace {

/// Looks in [from, until), the first one at `from`.
int count_looks(const store::LookPace& pace, Duration from, Duration until)
{
    int looks = 0;
    for (auto now = from; now < until; now += pace.pause(now)) ++looks;
    return looks;
}

class Wal {
public:
    const fs::path& path() const { return folder_.path(); }
    void add(const std::string& name) const { std::ofstream(path() / name) << "1\n"; }
    /// As if the newest change were long ago.
    void settle() const { fs::last_write_time(path(), fs::file_time_type::clock::now() - 1h); }

private:
    test::Folder folder_;
};

} // namespace

TEST_CASE("a quiet store is looked at twice a second", "[look]")
{
    store::LookPace pace;
    pace.stir(100s);
    CHECK(count_looks(pace, 101s, 111s) == 20);
    CHECK(pace.pause_of_standby(101s) == 2 * pace.pause(101s));
    CHECK(pace.pause_of_standby(100s) == pace.pause(100s));
}

TEST_CASE("a store in which something happens is looked at twenty times a second", "[look]")
{
    store::LookPace pace;
    for (auto now = Duration(100s); now < 110s; now += pace.pause(now)) pace.stir(now);
    CHECK(count_looks(pace, 110s, 110s + store::LookPace::lively - 50ms) == 9);
}

TEST_CASE("only who stirs a quiet store has it looked at out of turn", "[look]")
{
    store::LookPace pace;
    CHECK(pace.stir(100s));
    CHECK_FALSE(pace.stir(100s + 10ms));
    CHECK(pace.stir(101s));
}

TEST_CASE("the histories of a quiet store are read once", "[look]")
{
    const Wal wal;
    wal.add("000000010000000000000007");
    wal.add("0000000A.history");
    wal.settle();
    store::HistoryFiles files(wal.path());
    for (int look = 0; look < 1000; ++look) REQUIRE(files.newest() == 10);
    CHECK(files.readings() == 1);
}

TEST_CASE("a new history is seen at the next look", "[look]")
{
    const Wal wal;
    store::HistoryFiles files(wal.path());
    CHECK(files.newest() == 1);
    wal.settle();
    CHECK(files.newest() == 1);
    wal.add("00000002.history");
    CHECK(files.newest() == 2);
    wal.add("00000003.history"); // perhaps within the same tick of the clock
    CHECK(files.newest() == 3);
}

TEST_CASE("another cluster in the same place has its own histories", "[look]")
{
    const Wal place;
    const auto wal = place.path() / "pg_wal";
    const auto make = [&](const char* file) {
        fs::remove_all(wal);
        fs::create_directory(wal);
        std::ofstream(wal / file) << "1\n";
        fs::last_write_time(wal, fs::file_time_type(1h)); // the same for both
    };
    make("00000005.history");
    store::HistoryFiles files(wal);
    CHECK(files.newest() == 5);
    const auto old = place.path() / "old";
    fs::rename(wal, old);
    make("00000002.history");
    CHECK(files.newest() == 2);
}
