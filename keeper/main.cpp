#include "run/child.hpp"
#include "run/passing.hpp"
#include "version.hpp"
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace roleswap;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

constexpr const char* help =
    "roleswap-keeper - main process of a transient unit of a task; see roleswapd(8)\n\n"
    "Started by systemd for roleswapd(8), never by hand: standard input is a socket of the "
    "daemon,\n"
    "from which it gets what it is to start.\n"
    "  --version --help\n";

std::string read_whole(int file)
{
    std::string text;
    std::array<char, 16 * 1024> part{};
    for (ssize_t got = 0; (got = ::read(file, part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(got));
    return text;
}

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
    auto received = run::receive_descriptors(control.get(), run::say_plan);
    if (!received) return 0; // the daemon does not want it any more
    auto& [text, input, output] = *received;
    run::Plan plan(read_whole(text.get()));
    text.reset();
    plan.input = std::move(input);
    plan.output = output.get();
    plan.report = control.get();
    run::keep_in_unit(plan, control.get());
}

} // namespace

int main(int argc, char** argv)
{
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--help") == 0) return std::fputs(help, stdout) < 0;
        if (std::strcmp(argv[i], "--version") == 0)
            return std::printf("roleswap-keeper %s\n", daemon::version) < 0;
        std::fprintf(stderr, "roleswap-keeper: \"%s\" is not understood\n%s", argv[i], help);
        return exit_usage;
    }
    try {
        return keep();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "roleswap-keeper: %s\n", error.what());
        return exit_failed;
    }
}
