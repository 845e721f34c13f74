#include "setup_options.hpp"
#include "config/config.hpp"

namespace roleswap::cli {
namespace {

/// "NAME=REST"; throws where NAME or the sign is missing.
std::pair<std::string, std::string> named(std::string_view option, const std::string& text,
                                          std::string_view allowed)
{
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        throw UsageError(std::string(option) + " was \"" + printable(text) + "\"; allowed is " +
                         std::string(allowed) + ".");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

config::Node node_of(const std::string& text)
{
    config::Node node;
    if (text.find('=') == std::string::npos) {
        node.name = text;
        node.hosts = {text};
        return node;
    }
    const auto [name, hosts] = named("--node", text, "NAME or NAME=HOST,HOST");
    node.name = name;
    node.hosts = split(hosts, ',');
    return node;
}

config::Link link_of(const std::string& text)
{
    constexpr std::string_view allowed =
        "NAME=ADDRESS,ADDRESS with the addresses in the order of the nodes";
    const auto [name, rest] = named("--link", text, allowed);
    const auto addresses = split(rest, ',');
    if (addresses.size() != 2)
        throw UsageError("--link was \"" + printable(text) + "\"; allowed is " +
                         std::string(allowed) + ".");
    config::Link link;
    link.name = name;
    link.address.values = {addresses[0], addresses[1]};
    return link;
}

} // namespace

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string make_config(const InitOptions& options)
{
    if (options.pair.empty()) throw UsageError("--pair NAME is missing.");
    if (options.nodes.size() != 2)
        throw UsageError("--node was given " + std::to_string(options.nodes.size()) +
                         " times; a pair has exactly two nodes.");
    if (options.links.empty()) throw UsageError("--link NAME=ADDRESS,ADDRESS is missing.");
    config::PerNode<config::Node> nodes;
    nodes.values = {node_of(options.nodes[0]), node_of(options.nodes[1])};
    std::vector<config::Link> links;
    for (const std::string& link : options.links) links.push_back(link_of(link));
    return config::default_text(options.pair, nodes, links, options.probes);
}

} // namespace roleswap::cli
