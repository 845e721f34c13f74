#include "config.hpp"
#include "base/quantity.hpp"
#include "config/address.hpp"
#include "config/rules.hpp"
#include "config/section.hpp"
#include "durable/file.hpp"
#include "event/fd.hpp"
#include "work/agents.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <sys/stat.h>

namespace roleswap::agent {
namespace {

using config::Section;

constexpr std::array<std::string_view, 1> root_keys{"agent"};
constexpr std::array<std::string_view, 5> agent_keys{"name", "token", "addresses", "state_dir",
                                                     "output_tail"};
constexpr const char* default_port = "7432";
constexpr std::size_t addresses_max = 16;

/// "10.0.0.1", "10.0.0.1:7432", "fd00::1" or "[fd00::1]:7432".
Endpoint split(std::string_view text)
{
    const auto bracket = text.rfind(']');
    if (text.starts_with('[') && bracket != std::string_view::npos) {
        const auto rest = text.substr(bracket + 1);
        return {std::string(text.substr(1, bracket - 1)),
                rest.empty() ? default_port
                             : std::string(rest.substr(rest.starts_with(':') ? 1 : 0))};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.rfind(':') != colon)
        return {std::string(text), default_port};
    return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

bool is_port(std::string_view text)
{
    unsigned port = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
    return read.ec == std::errc{} && read.ptr == text.data() + text.size() && port >= 1 &&
           port <= 65535;
}

/// Numbers: a name would have to be looked up, which may take long just when it matters.
bool is_endpoint(std::string_view text)
{
    const auto endpoint = split(text);
    const auto address = config::parse_address(endpoint.host);
    return address && address->is_host() && is_port(endpoint.port);
}

bool is_token(std::string_view text)
{
    return text.size() >= 20 && text.size() <= 200 &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

/// Value inside a libpq connection text.
std::string conninfo_value(std::string_view text)
{
    std::string result = "'";
    for (const char letter : text) {
        if (letter == '\'' || letter == '\\') result += '\\';
        result += letter;
    }
    return result + "'";
}

} // namespace

Config parse(std::string_view text, std::string_view path)
{
    const auto table = base::parse_toml(text, path);
    const Section root{path, "", table, root_keys};
    const auto& own =
        root.require("agent", "an [agent] section, as \"roleswap agent add\" prints it");
    const Section section{path, "agent", own, agent_keys};
    constexpr Section::Rule name{work::is_agent_name,
                                 "1 to 40 of the characters A-Z a-z 0-9 . _ -"};
    constexpr Section::Rule token{is_token, "the token that \"roleswap agent add\" printed"};
    constexpr Section::Rule address{is_endpoint, "ADDRESS, ADDRESS:PORT or [IPv6]:PORT in numbers"};
    Config config;
    std::vector<std::string> addresses;
    section.require("name", name.allowed);
    section.read("name", config.name, name);
    section.require("token", token.allowed);
    section.read("token", config.token, token);
    const auto& list = section.require("addresses", "the addresses of both nodes");
    section.read("addresses", addresses, address);
    if (addresses.empty() || addresses.size() > addresses_max)
        section.fail(list, fmt::format("agent: addresses has {} entries", addresses.size()),
                     fmt::format("1 to {}", addresses_max));
    std::ranges::transform(addresses, std::back_inserter(config.addresses), split);
    section.read("state_dir", config.state_dir, config::rules::path);
    section.read_size("output_tail", config.output_tail, {1024, 256 * 1024});
    return config;
}

Config read(const std::string& path)
{
    const auto text = durable::read(path);
    if (!text)
        throw std::runtime_error(path + ": there is no configuration; put there what \"roleswap "
                                        "agent add NAME\" prints on a node of the pair");
    struct stat file {};
    event::check(::stat(path.c_str(), &file), "look at " + path);
    if ((file.st_mode & 077) != 0)
        throw std::runtime_error(
            fmt::format("{}: its mode is {:04o}, but it holds a secret; allowed: "
                        "0600 or less",
                        path, file.st_mode & 07777));
    return parse(*text, path);
}

std::string conninfo(const Config& config, std::size_t first)
{
    std::string hosts;
    std::string ports;
    for (std::size_t i = 0; i < config.addresses.size(); ++i) {
        const auto& one = config.addresses[(first + i) % config.addresses.size()];
        hosts += (hosts.empty() ? "" : ",") + one.host;
        ports += (ports.empty() ? "" : ",") + one.port;
    }
    // tcp_user_timeout also limits the first packet, so that one dead address does not hold up the
    // others; no file of a home directory takes part.
    return fmt::format("host={} port={} dbname=roleswap user={} password={} sslmode=require "
                       "channel_binding=require target_session_attrs=read-write gssencmode=disable "
                       "sslcert=/nonexistent sslrootcert=/nonexistent application_name={} "
                       "keepalives_idle=1 keepalives_interval=1 keepalives_count=2 "
                       "tcp_user_timeout=1500",
                       hosts, ports, conninfo_value(work::agent_role(config.name)),
                       conninfo_value(config.token),
                       conninfo_value("roleswap-agent " + config.name));
}

} // namespace roleswap::agent
