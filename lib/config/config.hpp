#pragma once
#include "base/parse_error.hpp"
#include "core/types.hpp"
#include "task/task.hpp"
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The configuration file of a pair, roleswap.toml(5).  Pure: reading the file is the caller's
/// business.
namespace roleswap::config {

/// what() is "path:line:column: what was read, what is allowed".
using Error = base::ParseError;
using std::chrono::milliseconds;

inline constexpr std::array both{core::Node::first, core::Node::second};

/// One value for each node, indexed with `at`.
template <class T> struct PerNode {
    std::array<T, 2> values{}; ///< of the pair
    T dr{};                    ///< of the dr node; as made where there is none
    const T& at(core::Node node) const
    {
        return node == core::Node::dr ? dr : values[static_cast<std::size_t>(node)];
    }
    T& at(core::Node node)
    {
        return node == core::Node::dr ? dr : values[static_cast<std::size_t>(node)];
    }
    bool operator==(const PerNode&) const = default;
};

struct Pair {
    std::string name;
    milliseconds takeover_delay{1000}; ///< 300 ms to 10 min
    milliseconds heartbeat{50};        ///< 10 ms to 1 s, at most takeover_delay / 5
    std::vector<std::string> probes;   ///< IP addresses; empty: silence alone moves no role
    std::string key_file = "/etc/roleswap/pair.key";
    bool operator==(const Pair&) const = default;
};

struct Node {
    enum class Store : std::uint8_t {
        managed,  ///< the daemon makes and runs a PostgreSQL of its own
        external, ///< a cluster of the distribution, run by its systemd unit
    };
    std::string name;
    std::vector<std::string> hosts; ///< host names that mean this node; never empty after parsing
    std::string data_dir = "/var/lib/roleswap";
    std::string run_dir = "/run/roleswap";
    std::uint16_t store_port = 7432; ///< default of an external store: 5432
    Store store = Store::managed;
    std::string store_unit; ///< of an external store, see store_unit.hpp; else empty
    bool operator==(const Node&) const = default;
};

/// A network, or a null-modem cable where `serial` is set; never both.
struct Link {
    std::string name;
    /// IPv4 or IPv6, numeric; empty on both for a serial link, and on the dr node where the link
    /// does not reach it.
    PerNode<std::string> address;
    std::uint16_t port = 7431;   ///< UDP
    PerNode<std::string> device; ///< network interface; empty: found by the address
    PerNode<std::string> serial; ///< path of the serial port; empty on both for a network
    std::uint32_t baud = 115200; ///< of a serial link

    bool is_serial() const { return !serial.values[0].empty(); }
    bool operator==(const Link&) const = default;
};

struct Store {
    enum class Kind : std::uint8_t {
        managed, ///< the daemon makes and runs its own PostgreSQL
    };
    Kind kind = Kind::managed;
    std::string bin_dir; ///< empty: the highest PostgreSQL version installed
    std::string user = "roleswap";
    std::vector<std::string> allow; ///< networks as address/bits; empty: the links only
    std::map<std::string, std::string> settings;
    bool operator==(const Store&) const = default;
};

/// How a silent peer is switched off before its role is taken.  PerNode values of agents and words
/// are about the node that is switched off; `port` is of the node that does it.
struct Fence {
    enum class Kind : std::uint8_t {
        none,
        agent,    ///< a program of fence-agents
        serial,   ///< a power switch on a serial port
        meatware, ///< a human, who confirms it
    };
    Kind kind = Kind::none;
    milliseconds delay{2000};             ///< the standby waits so much longer; 0 to 5 min
    milliseconds timeout{60'000};         ///< of all attempts
    milliseconds command_timeout{20'000}; ///< of one command
    milliseconds monitor{60'000};         ///< how often the device is looked at; 0: never
    unsigned attempts = 2;
    std::string command; ///< agent: absolute path
    PerNode<std::map<std::string, std::string>> options;
    PerNode<std::map<std::string, std::string>> secret_files; ///< option -> path
    PerNode<std::string> port;                                ///< serial
    std::uint32_t baud = 9600;
    unsigned data_bits = 8;
    unsigned stop_bits = 1;
    std::string parity = "none"; ///< or odd, even
    bool trust = false;          ///< what is sent counts as done where nothing answers
    /// Raw bytes; empty: not there.
    struct Words {
        std::string off;
        std::string off_answer;
        std::string status;
        std::string status_on;
        std::string status_off;
        bool operator==(const Words&) const = default;
    };
    PerNode<Words> words;
    bool operator==(const Fence&) const = default;
};

struct Work {
    milliseconds drain_timeout{60'000};
    task::Defaults defaults; ///< late_limit, catch_up, catch_up_limit, timezone of tasks
    std::uint64_t output_tail = std::uint64_t{64} * 1024; ///< bytes
    std::uint32_t keep_runs = 1000; ///< ended runs kept for each task, 1 to 1 000 000
    std::uint32_t keep_days = 90;   ///< and for so long at most, 1 to 36 500
    /// After so long without a scheduler what is made up is held; 0: never.
    milliseconds hold_after_outage{std::chrono::hours(12)};
    bool operator==(const Work&) const = default;
};

/// The register of an etcd that breaks ties, see roleswap-protocol(7).
struct Witness {
    std::vector<std::string> endpoints; ///< "https://host:port"; one to nine
    std::string ca_file;                ///< empty: the system's authorities
    std::string cert_file;              ///< with `key_file`; empty: none
    std::string key_file;
    std::string user; ///< with `password_file`; empty: none
    std::string password_file;
    milliseconds timeout{0}; ///< of one decision, at most a fifth of takeover_delay, the default
    bool operator==(const Witness&) const = default;
};

struct Guard {
    std::string watchdog;                  ///< device of a hardware watchdog; empty: none is used
    milliseconds watchdog_timeout{15'000}; ///< whole seconds
    bool operator==(const Guard&) const = default;
};

struct Config {
    Pair pair;
    PerNode<Node> nodes;
    std::vector<Link> links; ///< one to eight, best first; at least one network
    Store store;
    Work work;
    std::optional<Witness> witness; ///< empty: there is none
    Guard guard;
    Fence fence;

    bool has_dr() const { return !nodes.dr.name.empty(); }
    /// `node` and `other` have addresses on it.
    static bool joins(const Link& link, core::Node node, core::Node other)
    {
        return !link.address.at(node).empty() && !link.address.at(other).empty();
    }
    bool operator==(const Config&) const = default;
};

/// Reads and checks a whole configuration.  `path` is only for messages.  Throws Error at the
/// first fault.
Config parse(std::string_view text, std::string_view path);

/// Which node this host is: `node_name` (of ROLESWAP_NODE) when it is not empty, else the node
/// that lists `host_name`, with or without its domain.  Throws std::runtime_error with the names
/// that exist.
core::Node find_self(const Config& config, std::string_view host_name,
                     std::string_view node_name = {});

/// The commented file that `roleswap init` writes.  Throws Error when what was given makes no
/// valid configuration; what is returned always parses.
std::string default_text(std::string_view pair_name, const PerNode<Node>& nodes,
                         std::span<const Link> links, std::span<const std::string> probes);

} // namespace roleswap::config
