#include "config/config.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace roleswap::config {
namespace {

constexpr std::array all_nodes{core::Node::first, core::Node::second, core::Node::dr};

std::string names(const Config& config)
{
    const auto& dr = config.nodes.dr;
    const auto more = config.has_dr() ? fmt::format(" and \"{}\" (dr, hosts {})", dr.name,
                                                    fmt::join(dr.hosts, ", "))
                                      : std::string();
    const auto& [first, second] = config.nodes.values;
    return fmt::format("\"{}\" (hosts {}) and \"{}\" (hosts {}){}", first.name,
                       fmt::join(first.hosts, ", "), second.name, fmt::join(second.hosts, ", "),
                       more);
}

bool same(std::string_view left, std::string_view right)
{
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::ranges::equal(left, right, {}, lower, lower);
}

std::string_view without_domain(std::string_view host)
{
    return host.substr(0, host.find('.'));
}

bool has_host(const Node& node, std::string_view host)
{
    return std::ranges::any_of(node.hosts, [host](const auto& mine) { return same(mine, host); });
}

/// A name with a domain and one without it may mean the same host.
bool may_have_host(const Node& node, std::string_view host)
{
    return std::ranges::any_of(node.hosts, [host](const std::string& mine) {
        return same(mine, without_domain(host)) || same(without_domain(mine), host);
    });
}

} // namespace

core::Node find_self(const Config& config, std::string_view host_name, std::string_view node_name)
{
    if (!node_name.empty()) {
        for (const auto which : all_nodes)
            if (config.nodes.at(which).name == node_name) return which;
        throw std::runtime_error(fmt::format("no node \"{}\" in the configuration; it has {}",
                                             node_name, names(config)));
    }
    for (const auto which : all_nodes)
        if (has_host(config.nodes.at(which), host_name)) return which;
    std::vector<core::Node> found;
    for (const auto which : all_nodes)
        if (may_have_host(config.nodes.at(which), host_name)) found.push_back(which);
    if (found.size() == 1) return found.front();
    throw std::runtime_error(fmt::format(
        "host name \"{}\" {} in the configuration, which has {}; add it to hosts of one node, or "
        "set ROLESWAP_NODE",
        host_name, found.empty() ? "means no node" : "may mean either node", names(config)));
}

} // namespace roleswap::config
