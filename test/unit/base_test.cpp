#include "base/lsn.hpp"
#include "base/time_text.hpp"
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

TEST_CASE("times, durations and sizes read well", "[base]")
{
    using namespace std::chrono;
    CHECK(to_rfc3339(WallTime{milliseconds{1'792'681'445'678}}) == "2026-10-22T13:44:05.678Z");
    CHECK(to_rfc3339(WallTime{milliseconds{0}}) == "1970-01-01T00:00:00.000Z");
    CHECK(human_duration(850ms) == "850 ms");
    CHECK(human_duration(1500ms) == "1.5 s");
    CHECK(human_duration(200s) == "3 min 20 s");
    CHECK(human_duration(125min) == "2 h 5 min");
    CHECK(human_duration(76h) == "3 d 4 h");
    CHECK(human_bytes(512) == "512 B");
    CHECK(human_bytes(1536) == "1.5 KiB");
    CHECK(human_bytes(20ULL << 30) == "20.0 GiB");
}
