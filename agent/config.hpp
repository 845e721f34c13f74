#pragma once
#include "base/parse_error.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The program roleswap-agent: runs, on a host that is no node of the pair, the runs of its queues.
namespace roleswap::agent {

struct Endpoint {
    std::string host; ///< numeric IP address
    std::string port;
    bool operator==(const Endpoint&) const = default;
};

/// agent.toml, see roleswap-agent(8).
struct Config {
    std::string name;
    std::string token; ///< password of its role
    std::vector<Endpoint> addresses;
    std::string state_dir = "/var/lib/roleswap-agent";
    std::uint64_t output_tail = std::uint64_t{64} * 1024; ///< bytes
    bool operator==(const Config&) const = default;
};

/// Throws base::ParseError at the first fault: "path:line:column: what was read, what is allowed".
Config parse(std::string_view text, std::string_view path);

/// Reads the file, which holds a secret: throws std::runtime_error where others may read it.
Config read(const std::string& path);

/// Connection text to whichever node takes writes; the address number `first` is tried first.  The
/// server has to prove that it knows the token (SCRAM with channel binding), as for roleswap join.
std::string conninfo(const Config& config, std::size_t first);

} // namespace roleswap::agent
