#include "run/child.hpp"
#include "run/passing.hpp"
#include "spawn.hpp"
#include "version.hpp"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace roleswap;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

constexpr const char* help =
    "roleswap-keeper - main process of a transient unit of a task; see roleswapd(8)\n"
    "roleswap-keeper spawn - clones the tasks that need no unit\n\n"
    "Started by systemd for roleswapd(8), or by that, never by hand: standard input is a socket "
    "of the\n"
    "daemon, from which it gets what it is to start.\n"
    "  --version --help\n";

/// The pair's own sockets are on no terminal: whoever calls it by hand has none.
int keep()
{
    // Out of the task's reach: it gets 0, 1 and 2 of its own.
    const event::UniqueFd control(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    const char here = run::say_here;
    if (::send(control.get(), &here, 1, MSG_NOSIGNAL) != 1) {
        if (errno == EPIPE) return 0; // systemd started the unit when its daemon had gone
        std::perror("roleswap-keeper: standard input is no socket of roleswapd");
        std::fputs(help, stderr);
        return exit_usage;
    }
    auto received = run::receive_packet(control.get());
    if (!received || received->descriptors.size() != 3)
        return 0; // the daemon does not want it any more
    auto& passed = received->descriptors;
    run::Plan plan(run::read_whole(passed[0].get()));
    passed[0].reset();
    plan.input = std::move(passed[1]);
    plan.output = passed[2].get();
    plan.report = control.get();
    run::keep_in_unit(plan, control.get());
}

} // namespace

int main(int argc, char** argv)
{
    const bool spawns = argc == 2 && std::strcmp(argv[1], "spawn") == 0;
    for (int i = 1; i < argc && !spawns; ++i) {
        if (std::strcmp(argv[i], "--help") == 0) return std::fputs(help, stdout) < 0;
        if (std::strcmp(argv[i], "--version") == 0)
            return std::printf("roleswap-keeper %s\n", daemon::version) < 0;
        std::fprintf(stderr, "roleswap-keeper: \"%s\" is not understood\n%s", argv[i], help);
        return exit_usage;
    }
    try {
        return spawns ? keeper::spawn() : keep();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "roleswap-keeper: %s\n", error.what());
        return exit_failed;
    }
}
