#include "history_courier.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace roleswap::history_courier_test {

using namespace daemon;
using nlohmann::json;

namespace {

std::filesystem::path new_folder()
{
    std::string name = "/tmp/courier-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder in /tmp");
    return name;
}

/// A node that comes back, and the master as it sees it.
struct World {
    std::filesystem::path folder = new_folder();
    std::filesystem::path file = folder / "3-0-5000000.jsonl";
    event::Loop loop;
    int looks_until_ready = 0;
    int refusals = 0; ///< the master refuses so many requests first
    std::vector<json> taken;
    std::vector<std::size_t> sizes;
    int twice = 0;
    std::optional<int> refused_id; ///< of a row that the master does not take
    std::function<void()> on_taken = [] {};
    std::vector<std::string> events;
    HistoryCourier courier{loop, ports()};

    World() = default;
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() { std::filesystem::remove_all(folder); }

    HistoryCourier::Ports ports()
    {
        HistoryCourier::Ports ports;
        ports.folder = folder;
        ports.node = "right";
        ports.ready = [this] { return looks_until_ready-- <= 0; };
        ports.add = [this](const json& args, const Answer& answer) { take(args, answer); };
        ports.announce = [this](std::string_view what, const std::string& why) {
            events.push_back(std::string(what) + ": " + why);
        };
        return ports;
    }

    /// Knows nothing before, so every line that did not come before is new.
    void take(const json& args, const Answer& answer)
    {
        REQUIRE(args.at("holder") == "right");
        if (refusals-- > 0) return answer.failed({bus::ErrorCode::unreachable, "no master"});
        for (const auto& line : args.at("lines"))
            if (refused_id && line.at("row").value("id", -1) == *refused_id)
                return answer.failed({bus::ErrorCode::failed, "no such time"});
        sizes.push_back(args.dump().size());
        const auto before = std::set<json>(taken.begin(), taken.end()).size();
        for (const auto& line : args.at("lines")) taken.push_back(line);
        const auto after = std::set<json>(taken.begin(), taken.end()).size();
        json added{{"added", after - before}, {"undecided", 0}};
        if (twice > 0) added["twice"] = twice;
        on_taken();
        answer.done(added);
    }

    void write(int lines, std::size_t output)
    {
        std::ofstream stream(file);
        for (int id = 0; id < lines; ++id)
            stream << json{{"kind", "run"},
                           {"row", {{"id", id}, {"output_tail", std::string(output, '.') + "end"}}}}
                   << '\n';
    }

    /// Until so many events are told.
    void run_until(std::size_t count)
    {
        while (events.size() < count) REQUIRE(sd_event_run(loop.get(), UINT64_MAX) >= 0);
    }
};

} // namespace

TEST_CASE("what only this node held goes to the master in bounded requests", "[daemon]")
{
    World world;
    world.write(20, 100'000);
    world.run_until(1);
    CHECK(world.events[0].starts_with("history_found: 20 entries of right"));
    REQUIRE(world.taken.size() == 20);
    CHECK(world.sizes.size() > 1);
    for (const auto size : world.sizes) CHECK(size < 512 * 1024);
    const auto output = world.taken[19].at("row").at("output_tail").get<std::string>();
    CHECK(output.size() == 64 * 1024); // its end stays
    CHECK(output.ends_with("..end"));
    CHECK_FALSE(std::filesystem::exists(world.file));
}

TEST_CASE("a master that does not take it is told once, and asked again", "[daemon]")
{
    World world;
    world.write(3, 10);
    world.refusals = 2;
    world.run_until(2);
    CHECK(world.events[0].starts_with("history_waits: "));
    CHECK(world.events[0].ends_with("no master"));
    CHECK(world.events[1].starts_with("history_found: 3 entries"));
    CHECK_FALSE(std::filesystem::exists(world.file));
}

TEST_CASE("due times that ran on both nodes are told", "[daemon]")
{
    World world;
    world.twice = 2;
    world.write(3, 10);
    world.run_until(1);
    CHECK(world.events[0].starts_with("history_found: 3 entries"));
    CHECK(world.events[0].find("2 due times of them ran on the master too") != std::string::npos);
}

TEST_CASE("nothing is brought before a commit of the master is safe", "[daemon]")
{
    World world;
    world.write(1, 1);
    world.looks_until_ready = 1;
    while (world.looks_until_ready >= 1) REQUIRE(sd_event_run(world.loop.get(), UINT64_MAX) >= 0);
    CHECK(world.taken.empty());
    CHECK(std::filesystem::exists(world.file));
    world.run_until(1);
    CHECK(world.taken.size() == 1);
}

TEST_CASE("a file that comes into a folder which was empty for long is brought", "[daemon]")
{
    World world;
    const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    std::filesystem::last_write_time(world.folder, long_ago);
    while (world.looks_until_ready > -3) // three looks at nothing
        REQUIRE(sd_event_run(world.loop.get(), UINT64_MAX) >= 0);
    CHECK(world.taken.empty());
    world.write(1, 1);
    world.run_until(1);
    CHECK(world.taken.size() == 1);
}

TEST_CASE("a file with a damaged line is put aside, and what else is there goes", "[daemon]")
{
    World world;
    std::ofstream(world.file) << "{\"kind\n{\"kind\":\"run\",\"row\":{\"id\":1}}\n";
    std::ofstream(world.folder / "4-0-6000000.jsonl") << "{\"kind\":\"run\",\"row\":{\"id\":2}}\n";
    world.run_until(3);
    CHECK(world.events[0].starts_with("history_damaged: " + world.file.string() + ".damaged"));
    CHECK(world.events[0].find("line 1") != std::string::npos);
    CHECK(world.events[1].starts_with("history_found: 1 entries"));
    CHECK(world.events[2].starts_with("history_found: 1 entries"));
    CHECK(world.taken.size() == 2);
    CHECK_FALSE(std::filesystem::exists(world.file));
    CHECK(std::filesystem::exists(world.file.string() + ".damaged"));
    CHECK_FALSE(std::filesystem::exists(world.folder / "4-0-6000000.jsonl"));
}

TEST_CASE("a file that the master does not take holds up no other, and is told once", "[daemon]")
{
    World world;
    world.write(1, 1);
    std::ofstream(world.folder / "4-0-6000000.jsonl") << "{\"kind\":\"run\",\"row\":{\"id\":2}}\n";
    world.refused_id = 0;
    world.run_until(2);
    CHECK(world.events[0].starts_with("history_waits: " + world.file.string()));
    CHECK(world.events[1].starts_with("history_found: 1 entries"));
    world.refused_id.reset();
    world.run_until(3);
    CHECK(world.events[2].starts_with("history_found: 1 entries"));
    CHECK_FALSE(std::filesystem::exists(world.file));
}

TEST_CASE("a file that was replaced while it was brought is brought, too", "[daemon]")
{
    World world;
    world.write(1, 1);
    bool replaced = false;
    world.on_taken = [&world, &replaced] {
        if (std::exchange(replaced, true)) return;
        const auto fresh = world.folder / "fresh";
        std::ofstream(fresh) << "{\"kind\":\"run\",\"row\":{\"id\":7}}\n";
        std::filesystem::rename(fresh, world.file);
    };
    world.run_until(2);
    CHECK(world.taken.size() == 2);
    CHECK_FALSE(std::filesystem::exists(world.file));
}

} // namespace roleswap::history_courier_test
