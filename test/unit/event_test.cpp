#include "event/io_group.hpp"
#include "event/process.hpp"
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace roleswap::event_test {

using namespace event;
using namespace std::chrono_literals;

TEST_CASE("a timer is not early, however long the turn took that started it", "[event]")
{
    Loop loop;
    Duration started{0};
    Duration fired{0};
    Timer second(loop, [&] {
        fired = Loop::now();
        loop.exit(0);
    });
    Timer first(loop, [&] {
        const auto end = Loop::now() + 20ms;
        while (Loop::now() < end) continue; // a long turn
        started = Loop::now();
        second.start_in(10ms);
    });
    first.start_in(0ms);
    loop.run();
    CHECK(fired - started >= 10ms);
}

/// sd-event prefers a few points in time for such timers, which all programs of the machine share:
/// once in a while one of them comes first.
TEST_CASE("a timer with slack waits for the turn of another", "[event]")
{
    int together = 0;
    for (int round = 0; round < 20; ++round) {
        Loop loop;
        Timer patient(loop, [&] { loop.exit(0); });
        Timer other(loop, [] {});
        patient.set_slack(10s);
        const auto begin = Loop::now();
        patient.start_in(1ms);
        other.start_in(10ms);
        loop.run();
        const auto took = Loop::now() - begin;
        CHECK(took < 5s);
        if (took >= 10ms) ++together;
    }
    CHECK(together >= 10);
}

TEST_CASE("what comes in a group while its first are served has the same turn", "[event]")
{
    Loop loop;
    std::array<std::array<int, 2>, 3> pipes{};
    for (auto& ends : pipes) REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    std::vector<std::size_t> served;
    int turns = 0;
    const auto serve = [&](std::size_t key) {
        char byte = 0;
        CHECK(::read(pipes.at(key)[0], &byte, 1) == 1);
        served.push_back(key);
        if (key + 1 < pipes.size()) CHECK(::write(pipes.at(key + 1)[1], "x", 1) == 1);
    };
    IoGroup group(loop, serve, [&] { ++turns; });
    std::vector<std::unique_ptr<IoGroup::Member>> members;
    for (std::size_t key = 0; key < pipes.size(); ++key)
        members.push_back(std::make_unique<IoGroup::Member>(group, pipes.at(key)[0], key));
    REQUIRE(::write(pipes[0][1], "x", 1) == 1);
    while (served.size() < 3 && sd_event_run(loop.get(), 1'000'000) > 0) continue;
    CHECK(served == std::vector<std::size_t>{0, 1, 2});
    CHECK(turns == 1);
    members.clear();
    for (const auto& ends : pipes)
        for (const int end : ends) ::close(end);
}

TEST_CASE("a helper's output and exit code come back", "[event]")
{
    Loop loop;
    Ended ended;
    Process process(loop, {.argv = {"/bin/sh", "-c", "echo one; echo two >&2; exit 3"}},
                    [&](const Ended& end) {
                        ended = end;
                        loop.exit(0);
                    });
    loop.run();
    CHECK(ended.exited);
    CHECK(ended.status == 3);
    CHECK(ended.output == "one\ntwo\n");
    CHECK(ended.describe() == "exit code 3: two");
}

TEST_CASE("a helper's environment replaces the daemon's", "[event]")
{
    Loop loop;
    Ended ended;
    Process process(loop,
                    {.argv = {"/bin/sh", "-c", "echo $HOME"}, .environment = {"HOME=/elsewhere"}},
                    [&](const Ended& end) {
                        ended = end;
                        loop.exit(0);
                    });
    loop.run();
    CHECK(ended.output == "/elsewhere\n");
}

TEST_CASE("a helper does not speak to systemd in the daemon's name", "[event]")
{
    ::setenv("NOTIFY_SOCKET", "/nonexistent", 1);
    Loop loop;
    Ended ended;
    Process process(loop, {.argv = {"/bin/sh", "-c", "echo \"<$NOTIFY_SOCKET>\""}},
                    [&](const Ended& end) {
                        ended = end;
                        loop.exit(0);
                    });
    loop.run();
    ::unsetenv("NOTIFY_SOCKET");
    CHECK(ended.output == "<>\n");
}

TEST_CASE("a missing helper is an error that names it", "[event]")
{
    Loop loop;
    CHECK_THROWS_WITH(Process(loop, {.argv = {"/nonexistent/x"}}, [](const Ended&) {}),
                      Catch::Contains("/nonexistent/x") && Catch::Contains("No such file"));
}

TEST_CASE("what a callback throws comes out of the loop", "[event]")
{
    Loop loop;
    Timer timer(loop, [] { throw std::runtime_error("from a callback"); });
    timer.start_in(1ms);
    CHECK_THROWS_WITH(loop.run(), "from a callback");
}

TEST_CASE("a repeating timer fires until it is stopped", "[event]")
{
    Loop loop;
    int count = 0;
    Timer timer(loop, [&] {
        if (++count == 3) loop.exit(0);
    });
    timer.start_every(1ms);
    loop.run();
    CHECK(count == 3);
}

TEST_CASE("work that goes on turn after turn leaves descriptors and timers theirs", "[event]")
{
    Loop loop;
    int turns = 0;
    Deferred* again = nullptr;
    Deferred work(loop, [&] {
        if (++turns == 10'000)
            loop.exit(1);
        else
            again->trigger();
    });
    again = &work;
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Timer timer(loop, [&] { CHECK(::write(ends[1], "x", 1) == 1); });
    Io io(loop, ends[0], EPOLLIN, [&](std::uint32_t) { loop.exit(0); });
    work.trigger();
    timer.start_in(Duration{1});
    CHECK(loop.run() == 0);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("thousands of ends of tasks make no heartbeat wait, nor the store", "[event]")
{
    Loop loop;
    std::vector<Priority> turns;
    std::vector<std::unique_ptr<Deferred>> works;
    const auto turn = [&loop, &turns](Priority priority) {
        turns.push_back(priority);
        if (turns.size() == 1003) loop.exit(0);
    };
    const auto add = [&](Priority priority) {
        works.push_back(std::make_unique<Deferred>(
            loop, [turn, priority] { turn(priority); }, priority));
        works.back()->trigger();
    };
    for (int i = 0; i < 1000; ++i) add(Priority::low);
    Timer clock(
        loop, [&] { turn(Priority::high); }, Priority::high);
    clock.start_in(0us);
    add(Priority::normal);
    add(Priority::normal);
    loop.run();
    REQUIRE(turns.size() == 1003);
    CHECK(std::is_sorted(turns.begin(), turns.end()));
    CHECK(turns.front() == Priority::high);
}

} // namespace roleswap::event_test
