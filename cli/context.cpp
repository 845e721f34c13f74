#include "context.hpp"
#include "base/quantity.hpp"
#include "config/config.hpp"
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unistd.h>

namespace roleswap::cli {
namespace {

std::string from_environment(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string host_name()
{
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    return name;
}

} // namespace

core::Node self_of(const config::Config& config)
{
    const std::string name = from_environment("ROLESWAP_NODE");
    try {
        return config::find_self(config, host_name(), name);
    } catch (const std::runtime_error& error) {
        throw UsageError((name.empty() ? "" : "ROLESWAP_NODE is wrong: ") +
                         printable(error.what()) + ".");
    }
}

bool known_by_host_name(const config::Config& config, core::Node self)
{
    try {
        return config::find_self(config, host_name(), "") == self;
    } catch (const std::runtime_error&) {
        return false;
    }
}

int exit_code(bus::ErrorCode code)
{
    switch (code) {
    case bus::ErrorCode::failed:
        return exit_failed;
    case bus::ErrorCode::bad_argument:
        return exit_usage;
    case bus::ErrorCode::denied:
        return exit_denied;
    case bus::ErrorCode::not_found:
        return exit_not_found;
    case bus::ErrorCode::refused:
    case bus::ErrorCode::not_master:
        return exit_refused;
    case bus::ErrorCode::unreachable:
        return exit_unreachable;
    }
    return exit_failed;
}

namespace {

std::string read_all(std::istream& from, const std::string& name, std::size_t bytes_max)
{
    std::string text;
    std::array<char, 65536> piece{};
    while (from.read(piece.data(), piece.size()) || from.gcount() > 0) {
        text.append(piece.data(), static_cast<std::size_t>(from.gcount()));
        if (text.size() > bytes_max)
            throw UsageError(fmt::format("{} has more than {} bytes, which is all that is read; is "
                                         "it the right file?",
                                         name, bytes_max));
    }
    return text;
}

} // namespace

std::string read_text(const std::string& path, std::size_t bytes_max)
{
    if (path == "-") return read_all(std::cin, "standard input", bytes_max);
    std::string text;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    int fault = file ? 0 : errno;
    // A directory can be opened, but not read.
    if (file && std::filesystem::is_directory(path)) fault = EISDIR;
    if (fault == 0) {
        text = read_all(file, printable(path), bytes_max);
        fault = file.bad() ? EIO : 0;
    }
    if (fault != 0)
        throw UsageError(printable(path) +
                         " cannot be read: " + std::generic_category().message(fault) + ".");
    return text;
}

milliseconds duration_option(std::string_view option, const std::string& text)
{
    if (const auto duration = base::parse_duration(text)) return *duration;
    throw UsageError(fmt::format("{} was \"{}\"; allowed is a duration such as 500ms, 30s, 5m, 2h.",
                                 option, printable(text)));
}

std::string Context::config_path() const
{
    if (!options.config.empty()) return options.config;
    const std::string named = from_environment("ROLESWAP_CONFIG");
    return named.empty() ? "/etc/roleswap/roleswap.toml" : named;
}

config::Config Context::load_config() const
{
    const std::string path = config_path();
    return config::parse(read_text(path), path);
}

/// A broken or missing configuration must not hinder a look at the daemon that still runs with the
/// old one, so then the default path is tried; a file or a node that was named is taken at its
/// word.
std::string Context::socket_path() const
{
    if (!options.socket.empty()) return options.socket;
    if (const auto named = from_environment("ROLESWAP_SOCKET"); !named.empty()) return named;
    const bool named = !options.config.empty() || !from_environment("ROLESWAP_CONFIG").empty();
    const bool node_named = !from_environment("ROLESWAP_NODE").empty();
    std::optional<config::Config> config;
    try {
        config = load_config();
        return config->nodes.at(self_of(*config)).run_dir + "/ctl";
    } catch (const std::exception&) {
        if (named || (config && node_named)) throw;
        return "/run/roleswap/ctl";
    }
}

bus::Client& Context::client()
{
    if (!client_) client_.emplace(socket_path());
    return *client_;
}

nlohmann::json Context::call(std::string_view verb, milliseconds timeout)
{
    return call(verb, nlohmann::json::object(), timeout);
}

nlohmann::json Context::call(std::string_view verb, nlohmann::json args, milliseconds timeout)
{
    if (!options.node.empty() && !args.contains("node")) args["node"] = options.node;
    return client().call(verb, args, timeout);
}

void Context::print(const nlohmann::json& result,
                    const std::function<std::string(const nlohmann::json&)>& render) const
{
    constexpr auto replace = nlohmann::json::error_handler_t::replace;
    if (for_people()) {
        fmt::print("{}", render(result));
    } else if (options.get.empty()) {
        fmt::print("{}\n", result.dump(2, ' ', false, replace));
    } else {
        const nlohmann::json::json_pointer part(options.get);
        if (!result.contains(part))
            throw bus::Error(bus::ErrorCode::not_found,
                             "The result has no part " + options.get + "; --json shows all.");
        const auto& value = result.at(part);
        fmt::print("{}\n", value.is_string() ? value.get<std::string>()
                                             : value.dump(-1, ' ', false, replace));
    }
    std::fflush(stdout);
}

void Context::progress(std::string_view line) const
{
    if (!for_people() || isatty(STDERR_FILENO) != 1) return;
    fmt::print(stderr, "\r\033[K{}", shorten(line, style.width - 1));
}

} // namespace roleswap::cli
