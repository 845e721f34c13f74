#include "cases.hpp"
#include "text.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace roleswap::why_test {

using namespace core;
using namespace core::test;

namespace {

std::string read(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// With ROLESWAP_GOLDEN=write the file is made anew, to be looked at in the difference.
void check_golden(const std::string& name, const std::string& text)
{
    const std::string path = std::string(GOLDEN) + "/" + name + ".txt";
    const char* mode = std::getenv("ROLESWAP_GOLDEN");
    if (mode && std::string_view(mode) == "write") std::ofstream(path) << text;
    CHECK(text == read(path));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(roleswap::cli::columns(line) <= 80);
    }
}

} // namespace

TEST_CASE("each decision is shown with all it was made on", "[why]")
{
    for (const auto& one : cases()) {
        DYNAMIC_SECTION(one.says)
        {
            Bench bench(one.settings, one.disk);
            one.play(bench);
            check_golden(one.name, bench.why(one.what));
        }
    }
}

TEST_CASE("a standby on hold says how to end it", "[why]")
{
    Bench bench(pair_only(), {});
    become_standby(bench);
    bench.command(Command::Kind::hold_takeover);
    REQUIRE_FALSE(bench.silence(1200, "takeover"));
    check_golden("now_on_hold", bench.why_now());
}

TEST_CASE("the present of a master and of a standby", "[why]")
{
    Bench leads(with_fence(), was_master);
    become_master(leads);
    leads.pass(40);
    check_golden("now_master", leads.why_now());
    Bench mirrors(with_witness(), {});
    become_standby(mirrors);
    mirrors.pass(40);
    check_golden("now_standby", mirrors.why_now());
}

TEST_CASE("evidence stays small", "[why]")
{
    for (const auto& one : cases()) {
        INFO(one.says);
        Bench bench(one.settings, one.disk);
        one.play(bench);
        CHECK(evidence_now(bench.state).knobs.size() <= 6);
        CHECK(bench.why(one.what).size() < 4000);
    }
}

} // namespace roleswap::why_test
