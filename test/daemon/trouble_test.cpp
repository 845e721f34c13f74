#include "trouble.hpp"
#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace roleswap::trouble_test {

using namespace daemon;
using namespace std::chrono_literals;

namespace {

struct World {
    event::Loop loop;
    std::vector<std::string> told;
    Trouble trouble{loop,
                    {[this](const std::string& why) { note(why); },
                     [this](const std::string& how) { note("over: " + how); }},
                    {.repeat = 30ms, .calm = 10ms}};

    void note(const std::string& text) { told.push_back(text); }
    /// Turn by turn: a loop that was ended takes no timer any more.
    void run_until(std::size_t messages)
    {
        while (told.size() < messages) REQUIRE(sd_event_run(loop.get(), UINT64_MAX) >= 0);
    }
};

} // namespace

TEST_CASE("a trouble that repeats is told at once, then with a count, and when it is over",
          "[daemon]")
{
    World world;
    for (int i = 0; i < 100; ++i) world.trouble.happened("the disk is full");
    CHECK(world.told == std::vector<std::string>{"the disk is full"});
    world.run_until(2);
    CHECK(world.told.back() == "the disk is full (with this 99 times more)");
}

TEST_CASE("the end of a trouble is told once, and the next one at once again", "[daemon]")
{
    World world;
    world.trouble.well(); // nothing to end
    world.trouble.happened("a");
    world.trouble.well();
    world.trouble.happened("a"); // it was not well for long
    world.trouble.well();
    world.trouble.well();
    world.run_until(2);
    CHECK(world.told.back() == "over: the store does its work again, after 2 failures in 0s");
    world.trouble.happened("b");
    CHECK(world.told.back() == "b");
    CHECK(world.told.size() == 3);
}

} // namespace roleswap::trouble_test
