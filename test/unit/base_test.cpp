#include "base/command_name.hpp"
#include "base/lsn.hpp"
#include "base/nearest.hpp"
#include "base/quantity.hpp"
#include "base/seldom.hpp"
#include "base/time_text.hpp"
#include "base/toml.hpp"
#include <array>
#include <catch2/catch.hpp>

namespace roleswap::base_test {

using namespace base;

TEST_CASE("what is seldom there takes a pointer, and is a value like the thing itself", "[base]")
{
    using Text = Seldom<std::string>;
    static_assert(sizeof(Text) == sizeof(void*));
    const Text none;
    CHECK(none.empty());
    CHECK(*none == "");
    CHECK(none == Text(""));
    Text some = "text";
    const Text copy = some;
    CHECK_FALSE(some.empty());
    CHECK(some == copy);
    some.edit() += "s";
    CHECK(some == "texts");
    CHECK(copy == "text");
    some = none;
    CHECK(some == none);
    some.edit();
    CHECK(some.empty());
    CHECK(some == none);
    some = copy;
    some.clear();
    CHECK(some == none);
    const std::string& plain = copy;
    CHECK(plain.size() == copy->size());
}

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
    CHECK(to_rfc3339(WallTime{milliseconds{1'792'681'445'678}}) == "2026-10-22T15:04:05.678Z");
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

TEST_CASE("durations and sizes are read strictly and written exactly", "[base]")
{
    using namespace std::chrono;
    CHECK(parse_duration("300ms") == 300ms);
    CHECK(parse_duration("1h30m") == 90min);
    CHECK(parse_duration("1d2h3m4s5ms") == 26h + 3min + 4s + 5ms);
    CHECK(parse_duration("0s") == 0ms);
    CHECK(parse_duration("10000d") == days{10000});
    const char* no_duration =
        GENERATE("", "5", "s", "1.5s", "-1s", "1s1m", "1s1s", "1 s", "1S", "10001d", "9999d25d",
                 "99999999999999999999s", "10000d1ms", "1sec", "+1s");
    CHECK_FALSE(parse_duration(no_duration));
    for (const auto duration : {0ms, 1ms, 999ms, 1000ms, 61'001ms, 90'061'001ms})
        CHECK(parse_duration(duration_text(duration)) == duration);
    CHECK(duration_text(90s) == "1m30s");
    CHECK(duration_text(0ms) == "0s");

    CHECK(parse_size("64KiB") == 65536U);
    CHECK(parse_size("10") == 10U);
    CHECK(parse_size("10B") == 10U);
    CHECK(parse_size("4294967296GiB") == std::uint64_t{1} << 62);
    const char* no_size = GENERATE("", "KiB", "64KB", "64 KiB", "-1", "1.5MiB", "4294967297GiB");
    CHECK_FALSE(parse_size(no_size));
}

TEST_CASE("a mistyped word finds the one that was meant", "[base]")
{
    constexpr std::array<std::string_view, 3> words{"heartbeat", "probes", "name"};
    CHECK(nearest("hartbeat", words) == "heartbeat");
    CHECK(nearest("Probe", words) == "probes");
    CHECK(nearest("nmae", words) == "name");
    CHECK(nearest("colour", words).empty());
    CHECK(nearest("", words).empty());
    CHECK(unknown_word("key", "nmae", words) == "unknown key \"nmae\", did you mean \"name\"?");
    CHECK(unknown_word("key", "zzz", words) == "unknown key \"zzz\"");
}

TEST_CASE("values of a TOML file keep their order and place", "[base]")
{
    const auto root = parse_toml("b = 1\na = [\"x\", 2.5]\n[t]\nd = 2026-01-01\n", "f");
    REQUIRE(root.entries.size() == 3);
    CHECK(root.entries[0].key == "b");
    CHECK(root.entries[1].value.items.at(1).kind == TomlValue::Kind::real);
    CHECK(root.entries[1].value.items.at(1).column == 11);
    CHECK(root.entries[2].value.entries.at(0).value.kind == TomlValue::Kind::moment);
    CHECK(root.entries[2].value.entries.at(0).line == 4);
    CHECK_THROWS_WITH(parse_toml("a = 1\na = 2\n", "f"),
                      "f:2:5: Error while parsing key-value pair: cannot redefine existing integer "
                      "'a'; allowed: TOML 1.0");
    const std::string odd = "\"\\\n\t\x01 \x7f é";
    CHECK(parse_toml("a = " + toml_quoted(odd), "f").entries.at(0).value.text == odd);
}

TEST_CASE("a byte that is no text is told with its value and place", "[base]")
{
    const std::string rule =
        "; allowed: text in UTF-8 without NUL bytes: take it out, or save the file as UTF-8";
    const auto told = [](std::string_view text) -> std::string {
        try {
            parse_toml(text, "f");
        } catch (const ParseError& error) {
            return error.what();
        }
        return "no fault";
    };
    using namespace std::string_view_literals;
    CHECK(told("a = \"\0\""sv) == "f:1:6: a NUL byte" + rule);
    CHECK(told("# \u00e9\u00e9\na = \"\u00e9\xff") == "f:2:7: byte 0xFF, which is no UTF-8" + rule);
    CHECK(told("\xed\xa0\x80") == "f:1:1: byte 0xED, which is no UTF-8" + rule);
    CHECK(told("# cut \xc3") == "f:1:7: byte 0xC3, which is no UTF-8" + rule);
    CHECK(told("# \u00e9 \u20ac \U0001f600 \u0001"sv)
              .starts_with("f:1:9: Error while parsing comment"));
    CHECK(told("# \u00e9 \u20ac \U0001f600") == "no fault");
}

TEST_CASE("of a long text a message shows the begin and the size", "[base]")
{
    CHECK(toml_shortened(std::string(100, 'x')) == '"' + std::string(100, 'x') + '"');
    CHECK(toml_shortened(std::string(101, 'x')) ==
          '"' + std::string(100, 'x') + "\"... (101 bytes)");
    CHECK(toml_shortened("x" + std::string(99, 'y') + "\u00e9") ==
          "\"x" + std::string(99, 'y') + "\"... (102 bytes)");
    CHECK(toml_shortened(std::string(99, 'y') + "\u20ac") ==
          '"' + std::string(99, 'y') + "\"... (102 bytes)");
}

TEST_CASE("messages name commands, not verbs of the bus", "[base]")
{
    CHECK(command_name("task_list") == "roleswap task list");
    CHECK(command_name("task_apply") == "roleswap apply");
    CHECK(command_name("hand_over") == "roleswap hand-over");
    CHECK(command_name("join_password") == "roleswap password set");
    CHECK(command_name("pause_all") == "roleswap pause-all");
    CHECK(command_name("resume_all") == "roleswap resume-all");
    CHECK(command_name("memory_show") == "roleswap memory list");
    CHECK(command_name("activate_check") == "roleswap activate --dry-run");
    CHECK(command_name("drain") == "roleswap drain");
}

} // namespace roleswap::base_test
