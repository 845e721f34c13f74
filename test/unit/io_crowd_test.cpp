#include "event/io_crowd.hpp"
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

TEST_CASE("of a crowd that is always readable each has its turn, and timers have theirs", "[event]")
{
    Loop loop;
    IoCrowd crowd(loop);
    std::vector<Ready> all(300);
    for (auto& one : all)
        watch(crowd, one, [&one] {
            ++one.calls;
            ::usleep(20); // waits for nothing: it is what each has to do
        });
    int ticks = 0;
    Timer tick(loop, [&] {
        if (++ticks == 50) loop.exit(0);
    });
    tick.start_every(2ms);
    const auto begun = Loop::now();
    loop.run();
    CHECK(Loop::now() - begun < 500ms);
    for (const auto& one : all) CHECK(one.calls > 0);
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
