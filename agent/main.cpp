#include "config.hpp"
#include "instance.hpp"
#include "version.hpp"
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>
#include <sodium.h>
#include <span>
#include <string_view>

namespace {

using namespace roleswap;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_configuration =
    78; ///< EX_CONFIG of sysexits(3): the unit does not restart on it

enum class Mode : std::uint8_t { run, check };

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

int read_and_run(const std::string& path, Mode mode)
{
    agent::Config config;
    try {
        config = agent::read(path);
    } catch (const std::exception& error) {
        fmt::print(stderr, "roleswap-agent: {}\n", error.what());
        return exit_configuration;
    }
    if (mode == Mode::check)
        return std::printf("%s is well.\n", path.c_str()) < 0 ? exit_failed : 0;
    if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
    return agent::Instance(std::move(config)).run();
}

/// For the shell's completion: what the last word may become; after --config files are meant.
int complete(std::span<char*> words)
{
    const std::string_view last = words.empty() ? "" : words.back();
    if (words.size() > 1 && words[words.size() - 2] == std::string_view("--config")) return 0;
    for (const std::string_view option : {"--config", "--check", "--version", "--help"})
        if (option.starts_with(last)) fmt::print("{}\n", option);
    return 0;
}

/// The exit code, or nothing where the agent is to be run.
std::optional<int> read_words(std::span<char*> words, std::string& path, Mode& mode)
{
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (word == "--complete") return complete(words.subspan(i + 1));
        if (word == "--help") return std::fputs(help, stdout) < 0 ? exit_failed : 0;
        if (word == "--version")
            return std::printf("roleswap-agent %s\n", agent::version) < 0 ? exit_failed : 0;
        if (word == "--check") {
            mode = Mode::check;
        } else if (word == "--config" && i + 1 < words.size()) {
            path = words[++i];
        } else {
            fmt::print(stderr, "roleswap-agent: \"{}\" is not understood\n{}", word, help);
            return exit_usage;
        }
    }
    return std::nullopt;
}

} // namespace

int main(int argc, char** argv)
{
    auto path = path_from_environment();
    auto mode = Mode::run;
    try {
        const auto words = std::span(argv, static_cast<std::size_t>(argc)).subspan(1);
        if (const auto code = read_words(words, path, mode)) return *code;
        return read_and_run(path, mode);
    } catch (const std::exception& error) {
        fmt::print(stderr, "roleswap-agent: {}\n", error.what());
        return exit_failed;
    }
}
