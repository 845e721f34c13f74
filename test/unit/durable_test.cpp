#include "durable/event_log.hpp"
#include "durable/file.hpp"
#include "durable/record_file.hpp"
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace roleswap::durable_test {

using namespace durable;

namespace {

struct Folder {
    std::string path =
        std::filesystem::temp_directory_path() / ("roleswap-durable-" + std::to_string(::getpid()));
    Folder() { make_folders(path + "/deep/er", 0755); }
    ~Folder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("a record survives the disk", "[durable]")
{
    const Folder folder;
    const auto path = record_path(folder.path);
    CHECK_FALSE(load_record(path));
    const NodeRecord record{{7, core::Node::second, core::Mode::mirrored, 3}, 12};
    save_record(path, record);
    CHECK(load_record(path) == record);
    const char* old = "roleswap-record 1\nepoch 7\nmaster second\nmode mirrored\nboots 12\n";
    CHECK(parse_record(old, path) ==
          NodeRecord{{7, core::Node::second, core::Mode::mirrored, 0}, 12});
    const NodeRecord doubtful{{9, core::Node::first, core::Mode::alone, 0}, 13, 9};
    save_record(path, doubtful);
    CHECK(load_record(path) == doubtful);
}

TEST_CASE("a damaged record tells the line, what was read and what helps", "[durable]")
{
    const auto [text, message] = GENERATE(table<const char*, const char*>({
        {"", "r:1: \"roleswap-record ...\" expected, the file ends here"},
        {"roleswap-record 4\n", "r:1: roleswap-record is \"4\", allowed: 1, 2, 3"},
        {"roleswap-record 2\nepoch 1\nmaster first\nmode alone\nboots 1\n",
         "r:5: read \"boots 1\", \"round ...\" expected"},
        {"roleswap-record 1\nepoch x\n", "r:2: epoch is \"x\", a whole number expected"},
        {"roleswap-record 1\nepoch 1\nmaster left\n",
         "r:3: master is \"left\", allowed: first, second, dr"},
        {"roleswap-record 1\nepoch 1\nmaster first\nmode both\n", "r:4: mode is \"both\""},
        {"roleswap-record 1\nepoch 1\nmaster first\nmode alone\nboots 1\nmore\n",
         "r:6: nothing more expected"},
    }));
    CHECK_THROWS_WITH(parse_record(text, "r"),
                      Catch::Contains(message) && Catch::Contains("roleswap join"));
}

TEST_CASE("the writer keeps order and calls back on the loop", "[durable]")
{
    event::Loop loop;
    Writer writer(loop);
    std::vector<int> order;
    writer.run([&] { order.push_back(1); }, [&] { order.push_back(2); });
    writer.run([&] { order.push_back(3); }, [&] { loop.exit(0); });
    loop.run();
    CHECK(order.size() == 3);
    CHECK(order.front() == 1);
}

TEST_CASE("a failed write ends the loop", "[durable]")
{
    event::Loop loop;
    Writer writer(loop);
    writer.run([] { replace("/nonexistent/folder/file", "x", 0600); }, {});
    CHECK_THROWS_WITH(loop.run(), Catch::Contains("/nonexistent/folder/file"));
}

TEST_CASE("events go on counting after a restart, and a damaged line is left out", "[durable]")
{
    const Folder folder;
    const auto path = folder.path + "/events.jsonl";
    event::Loop loop;
    {
        Writer writer(loop);
        EventLog log(writer, path);
        log.add({0, "t1", "left", "boot", "first", "info"});
        log.add({0, "t2", "left", "takeover", "second", "notice", R"({"rule":"x"})"});
    }
    std::ofstream(path, std::ios::app) << "{\"seq\": 3, \"at\":";
    Writer writer(loop);
    EventLog log(writer, path);
    CHECK(log.damaged_lines() == 1);
    REQUIRE(log.events().size() == 2);
    CHECK(log.events().back().what == "takeover");
    CHECK(log.events().back().evidence == R"({"rule":"x"})");
    CHECK(log.events().front().evidence.empty());
    CHECK(to_json(log.events().back()).find("evidence") == std::string::npos);
    CHECK(log.add({0, "t3", "left", "x", "y", "info"}).sequence == 3);
}

TEST_CASE("folders have the mode that was asked for, whatever the umask", "[durable]")
{
    const Folder folder;
    const auto old = ::umask(077);
    make_folders(folder.path + "/for/others", 0755);
    make_folders(folder.path, 0700); // it is there
    ::umask(old);
    for (const char* made : {"", "/for", "/for/others"}) {
        struct stat info {};
        REQUIRE(::stat((folder.path + made).c_str(), &info) == 0);
        CHECK((info.st_mode & 07777) == 0755);
    }
}

} // namespace roleswap::durable_test
