#include "commands.hpp"
#include "config/config.hpp"
#include "durable/file.hpp"
#include "durable/record_file.hpp"
#include "field.hpp"
#include "link/pair_key.hpp"
#include "setup_options.hpp"
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unistd.h>

namespace roleswap::cli {
namespace {

using nlohmann::json;

struct Place {
    std::string config_path;
    config::Config config;
    core::Node self = core::Node::first;
    const config::Node& node() const { return config.nodes.at(self); }
    std::string record() const { return durable::record_path(node().data_dir); }
};

Place place_of(std::string path, const std::string& text)
{
    Place place{std::move(path), {}, core::Node::first};
    place.config = config::parse(text, place.config_path);
    place.self = self_of(place.config);
    return place;
}

bool there(const std::string& path)
{
    std::error_code error;
    const auto found = std::filesystem::symlink_status(path, error);
    if (error && found.type() == std::filesystem::file_type::none)
        throw std::system_error(error, "look at " + path);
    return std::filesystem::exists(found);
}

[[noreturn]] void refuse(const std::string& why)
{
    throw bus::Error(bus::ErrorCode::refused, why + "  Nothing was changed.");
}

/// A node that has a record, or a store, has a past that must not be overwritten.
void refuse_past(const Place& place)
{
    if (there(place.record()))
        refuse(place.record() +
               " is there already: this node was initialised or joined before.  "
               "To start over, stop roleswapd and move " +
               place.node().data_dir + " away.");
    if (there(place.node().data_dir + "/store"))
        refuse(place.node().data_dir + "/store holds a store already; move it away first.");
}

/// Odd epochs belong to the first node, even ones to the second.
core::Epoch first_epoch(core::Node self)
{
    return self == core::Node::first ? 1 : 2;
}

void write_record(const Place& place, const core::Record& record)
{
    durable::make_folders(place.node().data_dir, 0755);
    durable::save_record(place.record(), {record, 0});
}

std::string text_for_init(const InitOptions& options, const std::string& path)
{
    const bool given = !options.pair.empty() || !options.nodes.empty() || !options.links.empty() ||
                       !options.probes.empty();
    if (!there(path)) {
        if (given) return make_config(options);
        throw UsageError(path + " is not there; give --pair NAME, two --node NAME=HOST and at "
                                "least one --link NAME=ADDRESS,ADDRESS, or write the file.");
    }
    if (given)
        refuse(path + " is there already; leave out the options to use it, or move it away.");
    return read_text(path);
}

json summary(const Place& place)
{
    return {{"pair", place.config.pair.name},
            {"node", place.node().name},
            {"config", place.config_path},
            {"key_file", place.config.pair.key_file},
            {"data_dir", place.node().data_dir},
            {"needs_node_name", !known_by_host_name(place.config, place.self)}};
}

/// The daemon does not inherit the ROLESWAP_NODE of this shell.
std::string name_hint(const json& result)
{
    if (!flag(result, "needs_node_name")) return "";
    return fmt::format("  here         tell roleswapd that this is {0}: add its host name to hosts "
                       "of {0} in {1},\n               or systemctl edit roleswapd, "
                       "Environment=ROLESWAP_NODE={0}\n",
                       text(result, "node"), text(result, "config"));
}

std::string next_steps(const json& result)
{
    return fmt::format("Node {} is the first of pair {}.\n\n"
                       "Next:\n{}"
                       "  here         systemctl enable --now roleswapd\n"
                       "  to the peer  copy {} and {} (keep mode 0600)\n"
                       "  on the peer  roleswap join && systemctl enable --now roleswapd\n",
                       text(result, "node"), text(result, "pair"), name_hint(result),
                       text(result, "config"), text(result, "key_file"));
}

/// Waits with the daemon of this node until the mirror is complete.
int follow_until_in_sync(Context& context, const Place& place, const std::string& timeout)
{
    if (context.options.socket.empty()) context.options.socket = place.node().run_dir + "/ctl";
    try {
        context.call("node_status");
    } catch (const bus::Error& error) {
        if (error.code() != bus::ErrorCode::unreachable) throw;
        if (context.for_people())
            fmt::print("Start the daemon: systemctl enable --now roleswapd; roleswap join then "
                       "shows how the mirror is made.\n");
        return exit_ok;
    }
    const WaitResult result = wait_for_pair(context, {"", true, timeout});
    if (!result.ok)
        throw bus::Error(bus::ErrorCode::failed, "After " + timeout + " " + result.why + ".");
    if (context.for_people()) fmt::print("The mirror is in sync.\n");
    return exit_ok;
}

} // namespace

int init(Context& context, const InitOptions& options)
{
    const std::string path = context.config_path();
    const std::string text = text_for_init(options, path);
    const Place place = place_of(path, text);
    refuse_past(place);
    const std::string& key = place.config.pair.key_file;
    if (there(key))
        refuse(key + " is there already: it was made here or copied from the first node.  On the "
                     "second node use roleswap join; to start over, move it away.");
    const link::PairKey made = link::generate_pair_key(place.config.pair.name);
    for (const std::string& file : {path, key})
        durable::make_folders(std::filesystem::path(file).parent_path(), 0755);
    if (!there(path)) durable::replace(path, text, 0644);
    link::write_pair_key(key, made);
    // Last: only with its record the daemon starts.
    write_record(place, {first_epoch(place.self), place.self, core::Mode::alone});
    context.print(summary(place), next_steps);
    return exit_ok;
}

int join(Context& context, const std::string& timeout)
{
    const std::string path = context.config_path();
    if (!there(path)) refuse(path + " is missing; copy it from the first node.");
    const Place place = place_of(path, read_text(path));
    const std::string& key = place.config.pair.key_file;
    if (!there(key)) refuse(key + " is missing; copy it from the first node, mode 0600.");
    (void)link::read_pair_key(key);
    const auto known = durable::load_record(place.record());
    // A record that names the peer is of a node that has joined: again, to see how far it is.
    if (known && known->role.epoch > 0 && known->role.master == place.self)
        refuse("This node is part of the pair already, by " + place.record() +
               ": if it was initialised as the first one, run roleswap join on the other; else "
               "see roleswap status.");
    if (!known) {
        refuse_past(place);
        write_record(place, {});
    }
    context.print(summary(place), [](const json& result) {
        return fmt::format("Node {} has joined pair {}.\n", text(result, "node"),
                           text(result, "pair"));
    });
    return follow_until_in_sync(context, place, timeout);
}

int config_check(Context& context, const std::string& given)
{
    const std::string path = given.empty() ? context.config_path() : given;
    const config::Config config = config::parse(read_text(path), path);
    json names = json::array();
    for (const config::Node& node : config.nodes.values) names.push_back(node.name);
    const json result{{"ok", true},
                      {"file", path},
                      {"pair", config.pair.name},
                      {"nodes", names},
                      {"links", config.links.size()}};
    context.print(result, [](const json& shown) {
        return fmt::format("{} is good: pair {}, nodes {} and {}, {} links.\n", text(shown, "file"),
                           text(shown, "pair"), shown["nodes"][0].get<std::string>(),
                           shown["nodes"][1].get<std::string>(), number(shown, "links"));
    });
    return exit_ok;
}

} // namespace roleswap::cli
