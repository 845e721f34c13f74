#include "pair.hpp"
#include "support/catch_session.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace roleswap;
using namespace roleswap::test;
using namespace std::chrono_literals;

namespace {

/// A small file system of its own below a node.
class SmallDisk {
public:
    explicit SmallDisk(std::filesystem::path folder) : folder_(std::move(folder))
    {
        std::filesystem::create_directories(folder_);
        mounted_ = ::mount("roleswap-test", folder_.c_str(), "tmpfs", 0, "size=160m") == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk()
    {
        if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }
    void fill() const
    {
        const event::UniqueFd fd(::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        const std::string block(64 * 1024, 'x');
        while (::write(fd.get(), block.data(), block.size()) > 0) {
        }
    }
    void make_room() const { std::filesystem::remove(filler()); }

private:
    std::string filler() const { return folder_ / "filler"; }
    std::filesystem::path folder_;
    bool mounted_ = false;
};

bool holds_all(const std::set<int>& all, const std::set<int>& part)
{
    return std::includes(all.begin(), all.end(), part.begin(), part.end());
}

/// Large rows, so that the write-ahead log soon needs a new file.
void write_much(event::Loop& loop, pg::Connection& connection, int& number, std::set<int>& done)
{
    pg::Query insert{
        "insert into numbers select $1::int from (select pg_logical_emit_message(true, "
        "'fill', repeat(md5($1::int::text), 8000))) filler",
        {std::to_string(number)}};
    connection.query(std::move(insert), [&](pg::Reply reply) {
        const auto* failed = std::get_if<pg::Failed>(&reply);
        if (failed != nullptr && failed->error.sqlstate_class() == "42") throw failed->error;
        if (!std::holds_alternative<pg::Result>(reply)) return;
        done.insert(number++);
        write_much(loop, connection, number, done);
    });
}

} // namespace

TEST_CASE("a full disk of the standby is told, and it follows again when there is room")
{
    Pair pair;
    const SmallDisk disk(pair.second.options().data_dir);
    REQUIRE(disk.mounted());
    pair.second.restart();
    pair.join();
    pair.mirror(pair.first);
    int number = 1;
    std::set<int> done;
    pg::Connection connection(pair.loop, {pair.first->conninfo()});
    connection.connect();
    write_much(pair.loop, connection, number, done);
    REQUIRE(wait(pair.loop, [&] { return done.size() > 3; }));
    disk.fill();
    REQUIRE(wait(pair.loop, [&] { return pair.second.noted("disk-full"); }));
    pair.first.expect(Kind::lost_peer);
    pair.first->set_mode(core::Mode::alone);
    pair.first.expect(Kind::alone);
    const auto before = done.size();
    REQUIRE(wait(pair.loop, [&] { return done.size() > before; }));
    connection.close();
    disk.make_room();
    if (pair.second.told(Kind::failed)) pair.second->follow(2);
    pair.second.expect(Kind::following);
    pair.mirror(pair.first);
    CHECK(holds_all(numbers(pair.loop, pair.second->conninfo()), done));
}

TEST_CASE("a full disk of the primary ends in failed with a reason, and loses nothing")
{
    Pair pair;
    const SmallDisk disk(pair.first.options().data_dir);
    REQUIRE(disk.mounted());
    pair.first.restart();
    pair.first->lead(1);
    pair.first.expect(Kind::primary);
    ask(pair.loop, pair.first->conninfo(), "create table numbers(n int primary key)");
    int number = 1;
    std::set<int> done;
    pg::Connection connection(pair.loop, {pair.first->conninfo()});
    connection.connect();
    write_much(pair.loop, connection, number, done);
    REQUIRE(wait(pair.loop, [&] { return done.size() > 3; }));
    disk.fill();
    pair.first.expect(Kind::failed);
    CHECK(pair.first.noted("disk-full"));
    CHECK(pair.first->snapshot().detail.find("full") != std::string::npos);
    pair.first->lead(2);
    pair.first.expect(Kind::failed); // still full: told again, not tried for ever
    disk.make_room();
    pair.first->lead(3);
    pair.first.expect(Kind::primary);
    CHECK(holds_all(numbers(pair.loop, pair.first->conninfo()), done));
}

int main(int argc, char** argv)
{
    bin_dir();
    {
        const Folder folder;
        if (::geteuid() != 0 || !SmallDisk(folder.path() / "try").mounted()) {
            std::puts("SKIPPED: the full disk tests must mount a file system");
            return 77;
        }
    }
    return roleswap::test::run_tests(argc, argv);
}
