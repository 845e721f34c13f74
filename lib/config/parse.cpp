#include "config/parse.hpp"
#include "base/quantity.hpp"
#include "config/rules.hpp"
#include "task/zone.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::config {

using base::TomlValue;
using namespace std::chrono_literals;

namespace {

constexpr std::array<std::string_view, 5> pair_keys{"name", "takeover_delay", "heartbeat", "probes",
                                                    "key_file"};
constexpr std::array<std::string_view, 8> node_keys{
    "name", "hosts", "data_dir", "run_dir", "store_port", "role", "store", "store_unit"};
constexpr std::size_t links_max = 8;
/// A lost heartbeat or two must not look like silence.
constexpr int heartbeats_per_delay = 5;

std::string lower(std::string_view text)
{
    std::string result{text};
    for (auto& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

} // namespace

Config Parser::parse(const TomlValue& table)
{
    constexpr std::array<std::string_view, 8> keys{"pair", "node",    "link",  "store",
                                                   "work", "witness", "guard", "fence"};
    const Section root{path_, "", table, keys};
    const auto& pair = root.require("pair", "a [pair] section with the name of the pair");
    parse_pair(pair);
    parse_nodes(root);
    parse_links(root);
    if (const auto* store = root.find("store")) parse_store(*store);
    if (const auto* work = root.find("work")) parse_work(*work);
    if (const auto* witness = root.find("witness")) parse_witness(*witness);
    if (const auto* guard = root.find("guard")) parse_guard(*guard);
    if (const auto* fence = root.find("fence")) parse_fence(*fence);
    check_probes({path_, "pair", pair, pair_keys});
    return config_;
}

void Parser::parse_pair(const TomlValue& table)
{
    const Section section{path_, "pair", table, pair_keys};
    auto& pair = config_.pair;
    section.require("name", rules::name.allowed);
    section.read("name", pair.name, rules::name);
    section.read("takeover_delay", pair.takeover_delay, Section::Durations{300ms, 10min});
    section.read("heartbeat", pair.heartbeat, Section::Durations{10ms, 1s});
    section.read("probes", pair.probes, rules::address);
    section.read("key_file", pair.key_file, rules::path);
    if (pair.heartbeat * heartbeats_per_delay <= pair.takeover_delay) return;
    const auto* heartbeat = section.find("heartbeat");
    const auto limit = base::duration_text(pair.takeover_delay / heartbeats_per_delay);
    const auto& at = heartbeat ? *heartbeat : *section.find("takeover_delay");
    section.fail(at,
                 fmt::format("pair.heartbeat = \"{}\" with takeover_delay = \"{}\"",
                             base::duration_text(pair.heartbeat),
                             base::duration_text(pair.takeover_delay)),
                 fmt::format("a heartbeat of at most a fifth of takeover_delay, \"{}\"", limit));
}

void Parser::check_probes(const Section& pair) const
{
    for (std::size_t i = 0; i < config_.pair.probes.size(); ++i) {
        const auto owner = owners_.find(*config::parse_address(config_.pair.probes[i]));
        if (owner == owners_.end()) continue;
        const auto& item = pair.find("probes")->items[i];
        pair.fail(item, fmt::format("pair.probes has {}, which is {}", shown(item), owner->second),
                  "addresses of other hosts, such as the router");
    }
}

void Parser::parse_nodes(const Section& root)
{
    constexpr std::string_view allowed =
        "exactly two [[node]] sections, and at most one more with role = \"dr\"";
    const auto& nodes = root.require("node", allowed);
    if (nodes.kind != TomlValue::Kind::array) root.fail(nodes, "node = " + shown(nodes), allowed);
    std::size_t of_pair = 0;
    for (std::size_t i = 0; i < nodes.items.size(); ++i) {
        const auto& table = nodes.items[i];
        const Section section{path_, fmt::format("node {}", i + 1), table, node_keys};
        const auto* role = section.find("role");
        if (role != nullptr && (role->kind != TomlValue::Kind::text || role->text != "dr"))
            section.refuse(*role, "role", "\"dr\"; the two nodes of the pair have no role");
        if (role == nullptr && ++of_pair > both.size())
            root.fail(table, fmt::format("{} [[node]] sections", nodes.items.size()), allowed);
        if (role != nullptr && config_.has_dr()) root.fail(table, "a second dr node", allowed);
        const auto which = role != nullptr ? core::Node::dr : both[of_pair - 1];
        parse_node(which, table);
        for (const auto before : {core::Node::first, core::Node::second, core::Node::dr})
            if (before != which) check_apart(which, table, before);
    }
    if (of_pair < both.size())
        root.fail(nodes,
                  fmt::format("{} [[node]] section{}{}", of_pair, of_pair == 1 ? "" : "s",
                              config_.has_dr() ? " without a role" : ""),
                  allowed);
}

void Parser::parse_node(core::Node which, const TomlValue& table)
{
    const auto number =
        which == core::Node::dr ? "dr" : std::to_string(static_cast<int>(which) + 1);
    const Section section{path_, "node " + number, table, node_keys};
    auto& node = config_.nodes.at(which);
    section.require("name", rules::name.allowed);
    section.read("name", node.name, rules::name);
    node.hosts = {node.name};
    section.read("hosts", node.hosts, rules::host);
    if (node.hosts.empty()) section.refuse(*section.find("hosts"), "hosts", "at least one name");
    section.read("data_dir", node.data_dir, rules::path);
    section.read("run_dir", node.run_dir, rules::path);
    parse_node_store(section, node);
    if (node.data_dir == node.run_dir)
        section.fail(
            table,
            fmt::format("node {}: data_dir and run_dir are both \"{}\"", node.name, node.data_dir),
            "two folders");
}

void Parser::check_apart(core::Node which, const TomlValue& table, core::Node before) const
{
    const auto& mine = config_.nodes.at(which);
    const auto& theirs = config_.nodes.at(before);
    if (theirs.name.empty()) return;
    const Section section{path_, mine.name, table, node_keys};
    check_store_units(section, mine, theirs);
    if (theirs.name == mine.name)
        section.fail(*section.find("name"), fmt::format("both nodes are named \"{}\"", mine.name),
                     "two names");
    for (const auto& host : mine.hosts)
        for (const auto& other : theirs.hosts)
            if (lower(host) == lower(other))
                section.fail(section.find("hosts") ? *section.find("hosts") : table,
                             fmt::format("both nodes have the host name \"{}\"", host),
                             "a host name in one node only");
}

void Parser::parse_links(const Section& root)
{
    constexpr std::string_view allowed = "one to eight [[link]] sections";
    const auto& links = root.require("link", allowed);
    if (links.kind != TomlValue::Kind::array) root.fail(links, "link = " + shown(links), allowed);
    const auto count = links.items.size();
    if (count == 0 || count > links_max)
        root.fail(count == 0 ? links : links.items[links_max],
                  fmt::format("{} [[link]] sections", count), allowed);
    for (const auto& link : links.items) parse_link(link);
    if (std::ranges::all_of(config_.links, &Link::is_serial))
        root.fail(links, "serial links only",
                  "at least one link with addresses, for the store and for requests");
    const auto reaches_dr = [](const Link& link) { return !link.address.dr.empty(); };
    if (config_.has_dr() && std::ranges::none_of(config_.links, reaches_dr))
        root.fail(
            links,
            fmt::format("no link with an address of the dr node \"{}\"", config_.nodes.dr.name),
            fmt::format("at least one link with address = {{ {} = \"IP\", {} = \"IP\", {} = "
                        "\"IP\" }}",
                        config_.nodes.values[0].name, config_.nodes.values[1].name,
                        config_.nodes.dr.name));
}

Section Parser::per_node(const Section& link, std::string_view key, const TomlValue& value) const
{
    const auto& nodes = config_.nodes;
    const std::array<std::string_view, 2> names{nodes.at(core::Node::first).name,
                                                nodes.at(core::Node::second).name};
    return {path_, link.label(key), value, names};
}

Section Parser::per_host(const Section& link, std::string_view key, const TomlValue& value) const
{
    if (!config_.has_dr()) return per_node(link, key, value);
    const auto& nodes = config_.nodes;
    const std::array<std::string_view, 3> names{nodes.values[0].name, nodes.values[1].name,
                                                nodes.dr.name};
    return {path_, link.label(key), value, names};
}

void Parser::parse_link(const TomlValue& table)
{
    constexpr std::array<std::string_view, 6> keys{"name",   "address", "port",
                                                   "device", "serial",  "baud"};
    const auto number = config_.links.size() + 1;
    const Section section{path_, fmt::format("link {}", number), table, keys};
    auto& link = config_.links.emplace_back();
    section.require("name", rules::name.allowed);
    section.read("name", link.name, rules::name);
    if (std::ranges::count(config_.links, link.name, &Link::name) > 1)
        section.fail(*section.find("name"), fmt::format("a second link \"{}\"", link.name),
                     "each name once");
    if (const auto* ports = section.find("serial"))
        parse_serial(section, *ports);
    else
        parse_network(section);
}

void Parser::parse_network(const Section& section)
{
    auto& link = config_.links.back();
    if (const auto* baud = section.find("baud"))
        section.fail(*baud, section.label("baud") + " without serial",
                     "baud with serial = { NODE = \"/dev/ttyS0\", NODE = \"/dev/ttyS0\" }");
    section.read("port", link.port, Section::Numbers{1, 65535});
    const auto& addresses =
        section.require("address", "address = { NODE = \"IP\", NODE = \"IP\" }");
    for (const auto which : both) parse_address(section, which, addresses);
    const auto hosts = per_host(section, "address", addresses);
    if (config_.has_dr() && hosts.find(config_.nodes.dr.name) != nullptr)
        parse_address(section, core::Node::dr, addresses);
    check_families(section, addresses);
    if (const auto* device = section.find("device")) {
        const auto devices = per_host(section, "device", *device);
        for (const auto which : {core::Node::first, core::Node::second, core::Node::dr})
            if (!config_.nodes.at(which).name.empty())
                devices.read(config_.nodes.at(which).name, link.device.at(which), rules::device);
    }
}

void Parser::check_families(const Section& link, const TomlValue& addresses) const
{
    const auto& ends = config_.links.back().address;
    const auto bits = [](const std::string& end) { return config::parse_address(end)->bits; };
    const bool pair = bits(ends.values[0]) == bits(ends.values[1]);
    if (pair && (ends.dr.empty() || bits(ends.dr) == bits(ends.values[0]))) return;
    link.fail(addresses,
              fmt::format("link {}: IPv4 on one side, IPv6 on the other", config_.links.size()),
              pair ? "the same on all" : "the same on both");
}

void Parser::parse_address(const Section& link, core::Node which, const TomlValue& value)
{
    const auto section = per_host(link, "address", value);
    const auto& node = config_.nodes.at(which).name;
    auto& target = config_.links.back().address.at(which);
    const auto& item = section.require(node, "an address for each node");
    section.read(node, target, rules::address);
    const auto [first, is_new] =
        owners_.emplace(*config::parse_address(target),
                        fmt::format("{} on link {}", node, config_.links.back().name));
    if (is_new) return;
    section.fail(
        item,
        fmt::format("{} = {} is {} already", link.label("address"), shown(item), first->second),
        "each address once");
}

void Parser::parse_work(const TomlValue& table)
{
    constexpr std::array<std::string_view, 9> keys{
        "drain_timeout", "late_limit", "catch_up",  "catch_up_limit",   "timezone",
        "output_tail",   "keep_runs",  "keep_days", "hold_after_outage"};
    const Section section{path_, "work", table, keys};
    auto& work = config_.work;
    section.read("drain_timeout", work.drain_timeout, Section::Durations{0ms, 24h});
    section.read("late_limit", work.defaults.late_limit, Section::Durations{0ms, 1h});
    section.read("hold_after_outage", work.hold_after_outage, Section::Durations{0ms, 366 * 24h});
    section.read("catch_up_limit", work.defaults.catch_up_limit, Section::Numbers{1, 10'000});
    section.read_size("output_tail", work.output_tail, {1024, std::int64_t{16} * 1024 * 1024});
    section.read("keep_runs", work.keep_runs, Section::Numbers{1, 1'000'000});
    section.read("keep_days", work.keep_days, Section::Numbers{1, 36'500});
    section.read("timezone", work.defaults.timezone,
                 {task::is_zone_name, "an IANA name such as \"Europe/Berlin\", or \"UTC\""});
    const auto* catch_up = section.find("catch_up");
    if (!catch_up) return;
    constexpr std::array policies{task::CatchUp::none, task::CatchUp::last, task::CatchUp::all};
    const auto* chosen =
        std::ranges::find(policies, catch_up->text, [](auto policy) { return to_string(policy); });
    if (catch_up->kind != TomlValue::Kind::text || chosen == policies.end())
        section.refuse(*catch_up, "catch_up", "\"none\", \"last\" or \"all\"");
    work.defaults.catch_up = *chosen;
}

Config parse(std::string_view text, std::string_view path)
{
    return Parser{path}.parse(base::parse_toml(text, path));
}

} // namespace roleswap::config
