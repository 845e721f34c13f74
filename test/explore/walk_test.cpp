#include "modes.hpp"
#include "walk.hpp"
#include <catch2/catch.hpp>
#include <stdexcept>

using namespace roleswap;
using namespace roleswap::explore;

TEST_CASE("a walk tells every bound of its mode, and a reader gets the same mode")
{
    Mode mode = find_mode("cold");
    only(mode, "13", 3);
    mode.sabotage = core::Settings::Sabotage::not_in_sync;
    const std::string line = write_mode(mode);
    CHECK(line == "cold faults=3 kinds=crash+stall sabotage=not_in_sync");
    const Mode read = parse_mode(line);
    CHECK(read.faults == 3);
    CHECK(read.budget == mode.budget);
    CHECK(read.sabotage == mode.sabotage);
    CHECK(read.start == Start::cold);
    only(mode, "", 0);
    CHECK(parse_mode(write_mode(mode)).budget == Budget{});
}

TEST_CASE("a mode without bounds has its own")
{
    CHECK(parse_mode("pair").budget == find_mode("pair").budget);
    CHECK(parse_mode("pair").faults == find_mode("pair").faults);
}

TEST_CASE("what a walk says of its mode is never guessed")
{
    for (const char* line : {"nowhere", "pair faults=x", "pair faults=300", "pair faults",
                             "pair kinds=rain", "pair sabotage=rain", "pair colour=red"}) {
        INFO(line);
        CHECK_THROWS_AS(parse_mode(line), std::invalid_argument);
    }
}

TEST_CASE("a step that is not possible ends a replay with an error that names it")
{
    CHECK_NOTHROW(replay_walk("walk pair\ntick first 0\n"));
    try {
        replay_walk("walk pair\ntick first 0\nboot first 0\n");
        FAIL("no error");
    } catch (const std::invalid_argument& error) {
        const std::string told = error.what();
        CHECK(told.starts_with("\"boot first 0\" is not possible after 1 steps, but: "));
        CHECK(told.find("hear first 0") != std::string::npos);
    }
    // More faults than the mode has.
    CHECK_THROWS_AS(replay_walk("walk pair faults=0\ncut first 7\n"), std::invalid_argument);
    CHECK_THROWS_AS(replay_walk("tick first 0\n"), std::invalid_argument);
    CHECK_THROWS_AS(replay_walk("# nothing\n"), std::invalid_argument);
}
