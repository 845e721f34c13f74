#include "base/quantity.hpp"
#include "base/toml.hpp"
#include "config/config.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::config {
namespace {

using base::toml_quoted;

std::string list(std::span<const std::string> texts)
{
    std::vector<std::string> quoted;
    for (const auto& text : texts) quoted.push_back(toml_quoted(text));
    return fmt::format("[{}]", fmt::join(quoted, ", "));
}

std::string key(const std::string& name)
{
    const bool bare = task::is_valid_name(name) && name.find('.') == std::string::npos;
    return bare ? name : toml_quoted(name);
}

/// A line with the default of an option as a comment, or with the value that differs from it.
std::string option(bool is_default, std::string_view line)
{
    return fmt::format("{}{}\n", is_default ? "#" : "", line);
}

std::string pair_text(std::string_view name, std::span<const std::string> probes)
{
    constexpr std::string_view form =
        R"(# roleswap.toml(5).  Keep this file the same on both nodes: `roleswap check` compares.

[pair]
name = {}

# A standby takes over when every link was silent for so long.  300ms to 10m.
#takeover_delay = "1s"
# Sent on every link, at most a fifth of takeover_delay.  10ms to 1s.
#heartbeat = "50ms"

# IP addresses that answer ping while the LAN is well, such as the router.  A standby takes over by
# itself only while it reaches one; a master without links that reaches none stops by itself.
# Empty: silence alone never moves a role.
probes = {}

# Key and TLS certificate of the pair, the same on both nodes, readable by root only.
#key_file = "/etc/roleswap/pair.key"
)";
    return fmt::format(form, toml_quoted(name), list(probes));
}

std::string node_text(const Node& node)
{
    const Node defaults;
    const std::vector<std::string> own_name{node.name};
    auto text = fmt::format("\n[[node]]\nname = {}\n", toml_quoted(node.name));
    const auto& hosts = node.hosts.empty() ? own_name : node.hosts;
    text += option(hosts == own_name, "hosts = " + list(hosts));
    text += option(node.data_dir == defaults.data_dir, "data_dir = " + toml_quoted(node.data_dir));
    text += option(node.run_dir == defaults.run_dir, "run_dir = " + toml_quoted(node.run_dir));
    text += option(node.store_port == defaults.store_port,
                   fmt::format("store_port = {}", node.store_port));
    const bool managed = node.store == Node::Store::managed;
    text += option(managed, fmt::format("store = \"{}\"", managed ? "managed" : "external"));
    if (!managed) text += fmt::format("store_unit = {}\n", toml_quoted(node.store_unit));
    return text;
}

std::string per_node(const PerNode<Node>& nodes, const PerNode<std::string>& values)
{
    std::vector<std::string> items;
    for (std::size_t i = 0; i < 2; ++i)
        if (!values.values[i].empty())
            items.push_back(
                fmt::format("{} = {}", key(nodes.values[i].name), toml_quoted(values.values[i])));
    return fmt::format("{{ {} }}", fmt::join(items, ", "));
}

std::string link_text(const PerNode<Node>& nodes, const Link& link)
{
    auto text = fmt::format("\n[[link]]\nname = {}\naddress = {}\n", toml_quoted(link.name),
                            per_node(nodes, link.address));
    text += option(link.port == Link{}.port, fmt::format("port = {}", link.port));
    if (link.device != PerNode<std::string>{})
        text += fmt::format("device = {}\n", per_node(nodes, link.device));
    return text;
}

constexpr std::string_view rest_text = R"(
[store]
# PostgreSQL that roleswapd makes and runs.
#kind = "managed"
# Default: the highest version installed.
#bin_dir = "/usr/lib/postgresql/15/bin"
# Who postgres runs as when roleswapd runs as root.
#user = "roleswap"
# Networks whose clients may log in to the store over TLS.  Default: the links only.
#allow = ["10.0.0.0/16"]
# Further settings of PostgreSQL.
#settings = { shared_buffers = "128MB" }

[work]
# A planned swap waits so long for running tasks.
#drain_timeout = "1m"
# A due time that was missed by less is run late, whatever catch_up says.
#late_limit = "1m"
# What tasks make up that were due while nobody could run them: none, last or all.
#catch_up = "last"
#catch_up_limit = 100
# When nobody scheduled for longer than this, what would be made up is held until a person has looked:
# "roleswap held list".  0s: never.
#hold_after_outage = "12h"
# Of schedules.  Default: the system's.
#timezone = "Europe/Berlin"
# How much of the output of a run is kept in the store.
#output_tail = "64KiB"
# How many ended runs of each task the history keeps, and for how many days at most.
#keep_runs = 1000
#keep_days = 90

# A third party that breaks ties when the nodes cannot hear each other: an etcd on another host,
# made ready once by `roleswap witness init`.
#
# [witness]
# endpoints = ["https://w1.example.org:2379"]
# ca_file = "/etc/roleswap/witness-ca.pem"
# cert_file = "/etc/roleswap/witness.pem"
# key_file = "/etc/roleswap/witness.key"

[guard]
# A hardware watchdog that resets this host when what must be dead cannot be killed.  Default: none.
#watchdog = "/dev/watchdog"
#watchdog_timeout = "15s"
)";

} // namespace

std::string default_text(std::string_view pair_name, const PerNode<Node>& nodes,
                         std::span<const Link> links, std::span<const std::string> probes)
{
    const auto& [left, right] = nodes.values;
    if (left.name == right.name)
        throw Error({"roleswap.toml", 1, 1},
                    fmt::format("both nodes are named \"{}\"; allowed: two names", left.name));
    auto text = pair_text(pair_name, probes);
    text += "\n# The two nodes.  hosts: the host names that mean this node; default: its name.\n";
    for (const auto& node : nodes.values) text += node_text(node);
    text +=
        "\n# The cables between the nodes, best first, one to eight.  UDP and the store use all "
        "of\n# them.  device: the network interfaces; default: found by the address.\n";
    for (const auto& link : links) text += link_text(nodes, link);
    text += rest_text;
    parse(text, "roleswap.toml");
    return text;
}

} // namespace roleswap::config
