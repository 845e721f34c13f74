#include "config.hpp"
#include "instance.hpp"
#include "version.hpp"
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sodium.h>
#include <string_view>

namespace {

using namespace roleswap;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_configuration =
    78; ///< EX_CONFIG of sysexits(3): the unit does not restart on it

constexpr const char* help =
    "roleswap-agent - runs tasks of a roleswap pair on another host; see roleswap-agent(8)\n\n"
    "  --config FILE   default /etc/roleswap/agent.toml, or ROLESWAP_AGENT_CONFIG\n"
    "  --check         only read the configuration\n"
    "  --version, --help\n";

std::string path_from_environment()
{
    const char* value = std::getenv("ROLESWAP_AGENT_CONFIG");
    return value != nullptr ? value : "/etc/roleswap/agent.toml";
}

int run_agent(const std::string& path, bool only_check)
{
    agent::Config config;
    try {
        config = agent::read(path);
    } catch (const std::exception& error) {
        fmt::print(stderr, "roleswap-agent: {}\n", error.what());
        return exit_configuration;
    }
    if (only_check) return std::printf("%s is well.\n", path.c_str()) < 0 ? exit_failed : 0;
    if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
    return agent::Instance(std::move(config)).run();
}

} // namespace

int main(int argc, char** argv)
{
    auto path = path_from_environment();
    bool only_check = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--help") return std::fputs(help, stdout) < 0 ? exit_failed : 0;
        if (word == "--version")
            return std::printf("roleswap-agent %s\n", agent::version) < 0 ? exit_failed : 0;
        if (word == "--check") {
            only_check = true;
            continue;
        }
        if (word != "--config" || i + 1 == argc) {
            fmt::print(stderr, "roleswap-agent: \"{}\" is not understood\n{}", word, help);
            return exit_usage;
        }
        path = argv[++i];
    }
    try {
        return run_agent(path, only_check);
    } catch (const std::exception& error) {
        fmt::print(stderr, "roleswap-agent: {}\n", error.what());
        return exit_failed;
    }
}
