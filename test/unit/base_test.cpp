#include "base/lsn.hpp"
#include <catch2/catch.hpp>

using namespace roleswap::base;

TEST_CASE("a WAL position survives text and back", "[base]")
{
    CHECK(parse_lsn("16/B374D848") == Lsn{0x16B374D848});
    CHECK(to_string(Lsn{0x16B374D848}) == "16/B374D848");
    CHECK(parse_lsn("0/0") == Lsn{0});
}

TEST_CASE("what is not a WAL position is refused", "[base]")
{
    const char* text =
        GENERATE("", "/", "1/", "/1", "1", "x/1", "1/x", "1/123456789", "1/2/3", " 1/2");
    CHECK_FALSE(parse_lsn(text));
}

TEST_CASE("distance never goes below zero", "[base]")
{
    CHECK(distance(Lsn{10}, Lsn{25}) == 15);
    CHECK(distance(Lsn{25}, Lsn{10}) == 0);
}
