// A crash at any moment of an exchange of clusters: the next start finishes it, or leaves the old
// one where it was.
#include "cluster.hpp"
#include "store/layout.hpp"
#include "store/spool.hpp"
#include <catch2/catch.hpp>
#include <fstream>
#include <unistd.h>

using namespace roleswap;
namespace fs = std::filesystem;

namespace {

class Place {
public:
    Place()
    {
        options_.data_dir = folder_.path() / "data";
        options_.run_dir = folder_.path() / "run";
        if (::geteuid() == 0) options_.user = test::os_user();
        fs::create_directories(store());
    }
    fs::path store() const { return fs::path(options_.data_dir) / "store"; }
    void make(const std::string& name, const std::string& content) const
    {
        fs::create_directories(store() / name);
        std::ofstream(store() / name / "who") << content;
    }
    std::string who(const std::string& name) const
    {
        std::string text;
        std::getline(std::ifstream(store() / name / "who") >> std::ws, text);
        return text;
    }
    store::Layout start() const { return store::Layout(options_); }
    std::size_t folders() const
    {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(store())) count += entry.is_directory();
        return count;
    }

private:
    test::Folder folder_;
    store::Options options_;
};

} // namespace

TEST_CASE("a copy that is not complete is not taken", "[layout]")
{
    const Place place;
    place.make("pg", "old");
    place.make("pg.new", "half");
    place.start();
    CHECK(place.who("pg") == "old");
    CHECK(place.who("pg.new") == "half"); // removed by the next copy, or when a standby streams
    CHECK(place.start().waste() == std::vector<fs::path>{place.store() / "pg.new"});
}

TEST_CASE("an exchange that was cut at any point is finished, once", "[layout]")
{
    const Place place;
    place.make("pg.ready", "fresh");
    std::string old = "old";
    SECTION("before the old one was moved away")
    {
        place.make("pg", "old");
    }
    SECTION("after it")
    {
        place.make("pg.old", "old");
    }
    SECTION("where an older one still waits to be removed")
    {
        place.make("pg", "old");
        place.make("pg.old", "older");
    }
    SECTION("where there was none")
    {
        old = "";
    }
    for (int starts = 0; starts < 2; ++starts) {
        place.start();
        CHECK(place.who("pg") == "fresh");
        CHECK(place.who("pg.old") == old);
        CHECK_FALSE(fs::exists(place.store() / "pg.ready"));
    }
    CHECK(place.start().waste().size() + 1 == place.folders());
}

TEST_CASE("what was copied over a torn cluster is not torn, wherever it was cut", "[layout]")
{
    const Place place;
    place.make("pg", "old");
    place.start().mark_torn();
    SECTION("cut before the exchange, the old one stays torn")
    {
        place.make("pg.new", "half");
        CHECK(place.start().is_torn());
    }
    SECTION("cut within it")
    {
        place.make("pg.ready", "fresh");
        CHECK_FALSE(place.start().is_torn());
    }
    SECTION("whole")
    {
        place.make("pg.new", "fresh");
        place.start().exchange();
        CHECK_FALSE(place.start().is_torn());
        CHECK(place.who("pg") == "fresh");
    }
}

TEST_CASE("lines that wait to be brought are never overwritten by others", "[spool]")
{
    const test::Folder folder;
    const auto keep = [&](const std::string& line) {
        store::Spool spool(folder.path(), "3-0-0");
        spool.add(line);
        spool.finish();
    };
    const auto files = [&] {
        return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
    };
    keep("one");
    keep("another");
    CHECK(files() == 2);
    keep("one"); // found again: not twice
    CHECK(files() == 2);
    {
        store::Spool dropped(folder.path(), "3-0-0");
        dropped.add("a third");
    }
    CHECK(files() == 2);
    for (const auto& entry : fs::directory_iterator(folder.path()))
        CHECK(entry.path().extension() == ".jsonl");
}
