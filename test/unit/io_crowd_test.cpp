#include "event/io_crowd.hpp"
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vector>

using namespace roleswap::event;
using namespace std::chrono_literals;

namespace {

/// Readable from the beginning, and for ever where nobody reads.
struct Ready {
    UniqueFd fd{check(::eventfd(1, EFD_CLOEXEC), "make an event descriptor")};
    int calls = 0;
    std::unique_ptr<IoCrowd::Member> member;
};

void watch(IoCrowd& crowd, Ready& ready, std::function<void()> callback)
{
    ready.member = std::make_unique<IoCrowd::Member>(crowd, ready.fd.get(), std::move(callback));
}

} // namespace

TEST_CASE("of a crowd that is always readable each has its turn", "[event]")
{
    Loop loop;
    IoCrowd crowd(loop);
    std::vector<Ready> all(300);
    int calls = 0;
    for (auto& one : all)
        watch(crowd, one, [&] {
            if (calls == 10 * 300) return loop.exit(0); // the turn goes on for a while
            ++one.calls;
            ++calls;
        });
    loop.run();
    for (const auto& one : all) CHECK((one.calls >= 9 && one.calls <= 11));
}

/// Counted, not measured: while the machine stands still nobody is called.
TEST_CASE("a timer waits for no more of a crowd than have a turn together", "[event]")
{
    constexpr auto each = 20us;
    constexpr auto turn = 500us;
    Loop loop;
    IoCrowd crowd(loop);
    std::vector<Ready> all(300);
    Duration due = Loop::now() + 2ms;
    std::vector<int> waited_for{0};
    for (auto& one : all)
        watch(crowd, one, [&] {
            if (Loop::now() > due) ++waited_for.back();
            ::usleep(each.count()); // waits for nothing: it is what each has to do
        });
    Timer tick(loop, [&] {
        due = Loop::now() + 2ms;
        tick.start_in(2ms);
        waited_for.push_back(0);
        if (waited_for.size() == 50) loop.exit(0);
    });
    tick.start_in(2ms);
    loop.run();
    // Not each: a processor may stand still, and with it the timer, while another goes on.
    std::ranges::nth_element(waited_for, waited_for.begin() + 25);
    CHECK(waited_for.at(25) <= turn / each);
}

TEST_CASE("who of a crowd was destroyed by another is not called", "[event]")
{
    Loop loop;
    IoCrowd crowd(loop);
    std::vector<Ready> all(64);
    int calls = 0;
    for (auto& one : all)
        watch(crowd, one, [&] {
            ++calls;
            for (auto& any : all) any.member.reset(); // itself, too
        });
    Timer end(loop, [&] { loop.exit(0); });
    end.start_in(20ms);
    loop.run();
    CHECK(calls == 1);
}
