#include "durable/file.hpp"
#include "instance.hpp"
#include "options.hpp"
#include "version.hpp"
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sodium.h>
#include <string_view>
#include <unistd.h>

namespace {

using namespace roleswap;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_configuration =
    78; ///< EX_CONFIG of sysexits(3): the unit does not restart on it

constexpr const char* help =
    "roleswapd - the daemon of a roleswap pair; see roleswapd(8)\n\n"
    "  --config FILE   default /etc/roleswap/roleswap.toml, or ROLESWAP_CONFIG\n"
    "  --node NAME     which node this is, or ROLESWAP_NODE; default: by host name\n"
    "  --version, --help\n";

std::string environment(const char* name, const char* otherwise)
{
    const char* value = std::getenv(name);
    return value != nullptr ? value : otherwise;
}

std::string host_name()
{
    std::array<char, 256> name{};
    event::check(::gethostname(name.data(), name.size() - 1), "read the host name");
    return name.data();
}

std::string digest(const std::string& text)
{
    std::array<unsigned char, 16> hash{};
    crypto_generichash(hash.data(), hash.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr,
                       0);
    std::string hex;
    for (const auto byte : hash) hex += fmt::format("{:02x}", byte);
    return hex;
}

daemon::Setup read_setup(const std::string& path, const std::string& node)
{
    const auto text = durable::read(path);
    if (!text)
        throw std::runtime_error(path +
                                 ": there is no configuration; write one with \"roleswap init\"");
    daemon::Setup setup;
    setup.config = config::parse(*text, path);
    setup.self = config::find_self(setup.config, host_name(), node);
    setup.config_digest = digest(*text);
    setup.config_text = *text;
    setup.key = link::read_pair_key(setup.config.pair.key_file);
    if (setup.self != core::Node::dr) setup.witness = daemon::witness_options(setup.config);
    daemon::find_store(setup);
    return setup;
}

} // namespace

int main(int argc, char** argv)
{
    auto path = environment("ROLESWAP_CONFIG", "/etc/roleswap/roleswap.toml");
    auto node = environment("ROLESWAP_NODE", "");
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--help") return std::fputs(help, stdout) < 0 ? exit_failed : 0;
        if (word == "--version")
            return std::printf("roleswapd %s\n", daemon::version) < 0 ? exit_failed : 0;
        if ((word != "--config" && word != "--node") || i + 1 == argc) {
            fmt::print(stderr, "roleswapd: \"{}\" is not understood\n{}", word, help);
            return exit_usage;
        }
        (word == "--config" ? path : node) = argv[++i];
    }
    try {
        if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
        daemon::Setup setup;
        try {
            setup = read_setup(path, node);
        } catch (const std::exception& error) {
            fmt::print(stderr, "roleswapd: {}\n", error.what());
            return exit_configuration;
        }
        return daemon::Instance(std::move(setup)).run();
    } catch (const std::exception& error) {
        fmt::print(stderr, "roleswapd: {}\n", error.what());
        return exit_failed;
    }
}
