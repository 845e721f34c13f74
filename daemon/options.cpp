#include "options.hpp"
#include "task/policy.hpp"
#include "version.hpp"
#include "witness/secret.hpp"
#include "work/keepsakes.hpp"
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <tuple>

namespace roleswap::daemon {
namespace {

/// The newest PostgreSQL of the distribution, Debian's layout.
std::string find_bin_dir()
{
    const std::filesystem::path root = "/usr/lib/postgresql";
    int best = 0;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(root, missing)) {
        const int version = std::atoi(entry.path().filename().c_str());
        if (version > best && std::filesystem::exists(entry.path() / "bin/postgres"))
            best = version;
    }
    if (best < 14)
        throw std::runtime_error(
            "no PostgreSQL 14 or newer under /usr/lib/postgresql: install the package "
            "\"postgresql\", or set [store] bin_dir");
    return (root / std::to_string(best) / "bin").string();
}

/// The way to the dr node may be long and shared.
constexpr int patient_heartbeats = 10;

std::vector<store::LinkAddress> store_links(const Setup& setup, core::Node to)
{
    std::vector<store::LinkAddress> links;
    const auto& node = setup.config.nodes.at(to);
    for (const auto& link : setup.config.links)
        if (config::Config::joins(link, setup.self, to))
            links.push_back({link.name, link.address.at(setup.self), link.address.at(to),
                             node.store_port, node.name});
    return links;
}

std::string bin_dir_of(const Setup& setup)
{
    if (setup.external) return store::external_bin_dir(*setup.external);
    return setup.config.store.bin_dir.empty() ? find_bin_dir() : setup.config.store.bin_dir;
}

std::string sibling_group(const run::Executor& executor, const char* name)
{
    const auto group = executor.group();
    return group.empty() ? group : group + "." + name;
}

} // namespace

/// Between a node of the pair and the dr node: keys of their own, and only the networks that reach
/// it, on the ports of the pair.
link::Options link_options(const Setup& setup, std::uint64_t boot, core::Node to)
{
    using core::Node;
    const auto& [pair, nodes] = std::tie(setup.config.pair, setup.config.nodes);
    const bool aside = setup.self == Node::dr || to == Node::dr;
    const auto& of_pair = nodes.at(setup.self == Node::dr ? to : setup.self).name;
    link::Options options;
    options.key = setup.key.secret;
    options.pair = aside ? fmt::format("{}/{}/{}", pair.name, of_pair, nodes.dr.name) : pair.name;
    options.boot = boot;
    options.self = aside && setup.self == Node::dr ? Node::second
                   : aside                         ? Node::first
                                                   : setup.self;
    for (const auto& link : setup.config.links) {
        if (aside && !config::Config::joins(link, setup.self, to)) continue;
        const auto& ends = link.is_serial() ? link.serial : link.address;
        options.links.push_back({aside ? link.name + " to " + nodes.at(to).name : link.name,
                                 ends.at(setup.self), ends.at(to), link.port,
                                 link.device.at(setup.self), link.is_serial() ? link.baud : 0,
                                 setup.config.has_dr() && !link.is_serial(), aside});
    }
    options.heartbeat = pair.heartbeat;
    options.dead_after = pair.heartbeat * (aside ? patient_heartbeats : 3);
    return options;
}

void find_store(Setup& setup)
{
    const auto& node = setup.config.nodes.at(setup.self);
    if (node.store == config::Node::Store::external)
        setup.external = store::find_external(node.store_unit);
}

store::Options store_options(const Setup& setup, const run::Executor& executor)
{
    const auto& own = setup.config.nodes.at(setup.self);
    const auto& peer = setup.config.nodes.at(core::other(setup.self));
    store::Options options;
    options.external = setup.external;
    for (const auto which : config::both)
        if (setup.config.nodes.at(which).store == config::Node::Store::external)
            options.distribution = true;
    options.data_dir = own.data_dir;
    options.run_dir = own.run_dir;
    options.bin_dir = bin_dir_of(setup);
    options.user = setup.config.store.user;
    options.port = own.store_port;
    options.peer_port = peer.store_port;
    options.name = own.name;
    options.peer_name = peer.name;
    options.links = store_links(setup, core::other(setup.self));
    if (setup.config.has_dr()) {
        const auto more = store_links(setup, core::third(setup.self));
        options.links.insert(options.links.end(), more.begin(), more.end());
        options.further = {setup.config.nodes.at(core::third(setup.self)).name};
    }
    options.replication_password = link::derive_password(setup.key, "store replication");
    options.certificate = setup.key.certificate;
    options.private_key = setup.key.private_key;
    options.allow = setup.config.store.allow;
    options.settings = setup.config.store.settings;
    // systemd keeps the processes of a unit in a group of its own.
    if (!setup.external) options.cgroup = sibling_group(executor, "store");
    for (auto& keepsake : work::keepsakes())
        options.keepsakes.push_back({std::move(keepsake.kind), std::move(keepsake.sql),
                                     std::move(keepsake.table)});
    return options;
}

guard::Settings guard_settings(const Setup& setup, const run::Executor& executor)
{
    const auto& guard = setup.config.guard;
    const std::filesystem::path data_dir = setup.config.nodes.at(setup.self).data_dir;
    const char* program = std::getenv("ROLESWAP_GUARD");
    guard::Settings settings;
    settings.program = program != nullptr ? program : GUARD_PROGRAM;
    settings.own_group = sibling_group(executor, "guard");
    settings.task_group = executor.group();
    settings.unit_group = executor.unit_group();
    settings.marker = executor.marker();
    // Without a group of ours the guard finds the server by its folder.
    if (!setup.external) settings.store_group = sibling_group(executor, "store");
    if (!setup.external)
        settings.cluster = std::filesystem::weakly_canonical(data_dir / "store" / "pg").string();
    else if (store::is_ours(data_dir, *setup.external))
        settings.cluster = setup.external->data.string();
    settings.watchdog_timeout = guard.watchdog_timeout;
    if (!guard.watchdog.empty())
        settings.open_watchdog = [&guard] {
            return guard::arm_watchdog(
                guard.watchdog,
                std::chrono::duration_cast<std::chrono::seconds>(guard.watchdog_timeout));
        };
    return settings;
}

run::ExecutorSettings executor_settings(const Setup& setup, std::function<bool()> too_late,
                                        std::function<void(const std::string&)> on_spawner_lost)
{
    const char* keeper = std::getenv("ROLESWAP_KEEPER");
    run::ExecutorSettings settings;
    settings.keeper = keeper != nullptr ? keeper : KEEPER_PROGRAM;
    settings.spawner = settings.keeper;
    settings.too_late = std::move(too_late);
    settings.on_spawner_lost = std::move(on_spawner_lost);
    settings.output_tail_bytes = setup.config.work.output_tail;
    settings.name = setup.config.pair.name + "-" + setup.config.nodes.at(setup.self).name;
    return settings;
}

work::Settings work_settings(const Setup& setup, const std::string& conninfo)
{
    const auto& work = setup.config.work;
    work::Settings settings;
    settings.node = setup.config.nodes.at(setup.self).name;
    for (const auto node : {core::Node::first, core::Node::second, core::Node::dr})
        settings.nodes.push_back(setup.config.nodes.at(node).name);
    settings.task_store = conninfo;
    settings.task_socket = setup.config.nodes.at(setup.self).run_dir + "/ctl";
    settings.drain_timeout = work.drain_timeout;
    settings.late_limit = work.defaults.late_limit;
    settings.catch_up = task::to_string(work.defaults.catch_up);
    settings.catch_up_limit = work.defaults.catch_up_limit;
    settings.hold_after_outage = work.hold_after_outage;
    settings.timezone = work.defaults.timezone;
    settings.keep_runs = work.keep_runs;
    settings.keep_days = work.keep_days;
    settings.config_text = setup.config_text;
    settings.version = version;
    return settings;
}

std::optional<witness::Options> witness_options(const config::Config& config)
{
    if (!config.witness) return {};
    using witness::Readers;
    const auto& witness = *config.witness;
    witness::Options options;
    options.endpoints = witness.endpoints;
    options.pair = config.pair.name;
    for (std::size_t i = 0; i < options.names.size(); ++i)
        options.names.at(i) = config.nodes.values.at(i).name;
    if (!witness.ca_file.empty())
        options.tls.ca = witness::read_file(witness.ca_file, Readers::anybody);
    if (!witness.cert_file.empty()) {
        options.tls.certificate = witness::read_file(witness.cert_file, Readers::anybody);
        options.tls.key = witness::read_file(witness.key_file, Readers::owner);
    }
    if (!witness.user.empty())
        options.login = {witness.user, witness::read_password(witness.password_file)};
    return options;
}

std::vector<std::size_t> networks_of(const Setup& setup, core::Node to,
                                     const std::vector<std::size_t>& links)
{
    const auto near = core::other(setup.self);
    const bool all = setup.self != core::Node::dr && to == near; // serial links among them
    const auto before = to == near ? 0 : store_links(setup, near).size();
    std::vector<std::size_t> networks;
    for (const auto index : links) {
        if (all && setup.config.links.at(index).is_serial()) continue;
        const auto first = setup.config.links.begin();
        const auto serial = all ? std::count_if(first, first + static_cast<std::ptrdiff_t>(index),
                                                [](const auto& link) { return link.is_serial(); })
                                : 0;
        networks.push_back(before + index - static_cast<std::size_t>(serial));
    }
    return networks;
}

core::Settings core_settings(const Setup& setup, std::uint64_t boot)
{
    const auto& pair = setup.config.pair;
    core::Settings settings;
    settings.self = setup.self;
    settings.boot = boot;
    settings.heartbeat = static_cast<core::Ticks>(pair.heartbeat.count());
    settings.company = settings.heartbeat / 10;
    settings.takeover_delay = static_cast<core::Ticks>(pair.takeover_delay.count());
    const bool of_pair = setup.self != core::Node::dr;
    settings.probes_configured = of_pair && !pair.probes.empty();
    settings.witness = of_pair && setup.config.witness.has_value();
    settings.guard = true;
    settings.fence = of_pair && setup.config.fence.kind != config::Fence::Kind::none;
    if (settings.fence)
        settings.fence_delay = static_cast<core::Ticks>(setup.config.fence.delay.count());
    return settings;
}

} // namespace roleswap::daemon
