#include "event/process.hpp"
#include <catch2/catch.hpp>
#include <cstdlib>

using namespace roleswap::event;
using namespace std::chrono_literals;

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
