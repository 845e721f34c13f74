#include "link/steadiness.hpp"
#include <catch2/catch.hpp>

using namespace roleswap;
using namespace std::chrono_literals;
using link::Steadiness;
using Say = Steadiness::Say;
using Verdict = Steadiness::Verdict;

namespace {

/// One that became unsteady by five changes from 0 s to 4 s.
Steadiness flapping()
{
    Steadiness link;
    for (int second = 0; second < 5; ++second) link.changed(std::chrono::seconds(second));
    return link;
}

} // namespace

TEST_CASE("a few changes of a link are told one by one", "[steadiness]")
{
    Steadiness link;
    for (const auto at : {0s, 1s, 2s, 3s}) CHECK(link.changed(at) == Verdict{Say::change, 1});
    // The first is out of the window by now: still four within 10 s.
    for (const auto at : {11s, 22s, 33s}) CHECK(link.changed(at) == Verdict{Say::change, 1});
    CHECK(link.look(40s) == Verdict{});
    CHECK_FALSE(link.unsteady());
}

TEST_CASE("the fifth change within 10 s makes a link unsteady, and is the last one told",
          "[steadiness]")
{
    Steadiness link;
    for (const auto at : {0s, 3s, 5s, 8s}) CHECK(link.changed(at).say == Say::change);
    CHECK(link.changed(10s) == Verdict{Say::unsteady, 5});
    CHECK(link.unsteady());
    CHECK(link.changed(11s) == Verdict{});
    CHECK(link.look(12s) == Verdict{});
}

TEST_CASE("an unsteady link is told once a minute, however much it changes", "[steadiness]")
{
    Steadiness link = flapping();
    unsigned told = 0;
    unsigned summaries = 0;
    for (auto at = 5000ms; at < 304s; at += 500ms) {
        for (const auto verdict : {link.changed(at), link.look(at)}) {
            CHECK((verdict.say == Say::nothing || verdict.say == Say::summary));
            summaries += verdict.say == Say::summary;
            told += verdict.changes;
        }
    }
    CHECK(summaries == 4);
    CHECK(told == 2 * (244 - 5) + 1);
}

TEST_CASE("a link without a change for 30 s is steady again and told as such", "[steadiness]")
{
    Steadiness link = flapping();
    link.changed(20s);
    CHECK(link.look(49s) == Verdict{});
    CHECK(link.look(50s) == Verdict{Say::steady, 1});
    CHECK_FALSE(link.unsteady());
    CHECK(link.look(51s) == Verdict{});
    // What was before does not count again.
    CHECK(link.changed(52s) == Verdict{Say::change, 1});
}
