#include "commands.hpp"
#include "config/config.hpp"
#include "config/store_unit.hpp"
#include "durable/file.hpp"
#include "durable/record_file.hpp"
#include "external_store.hpp"
#include "field.hpp"
#include "join_offer.hpp"
#include "link/pair_key.hpp"
#include "paths.hpp"
#include "place.hpp"
#include "secret.hpp"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// Major and minor number of "1.2.3"; what is none counts as 0.
std::pair<int, int> release_of(const std::string& version)
{
    int major = 0;
    int minor = 0;
    if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2) return {0, 0};
    return {major, minor};
}

/// Major version of the PostgreSQL that this node would use; 0 when it cannot be told.
int postgres_here(const std::string& bin_dir)
{
    namespace fs = std::filesystem;
    int best = 0;
    if (bin_dir.empty()) {
        std::error_code missing;
        for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", missing))
            if (fs::exists(entry.path() / "bin/postgres"))
                best = std::max(best, std::atoi(entry.path().filename().c_str()));
        return best;
    }
    // "/usr/lib/postgresql/15/bin" on Debian; elsewhere the mirror itself will tell.
    return std::atoi(fs::path(bin_dir).parent_path().filename().c_str());
}

void refuse_versions(const JoinOffer& offer, const Place& place)
{
    const auto& config = place.config;
    const auto [major, minor] = release_of(offer.version);
    const auto [own_major, own_minor] = release_of(version_text);
    if (major != own_major || std::abs(minor - own_minor) > 1)
        refuse_unchanged(
            fmt::format("roleswap there has version {}, here {}; neighbouring versions "
                        "work together: install that one here.",
                        printable(offer.version), version_text));
    const int there = offer.server_version / 10000;
    const auto unit = config::parse_store_unit(place.node().store_unit);
    const int here = unit ? static_cast<int>(unit->version) : postgres_here(config.store.bin_dir);
    if (here != 0 && here != there)
        refuse_unchanged(fmt::format("PostgreSQL there has version {}, here {}; a mirror needs the "
                                     "same: install it, or set {}.",
                                     there, here,
                                     unit ? "store_unit to a cluster of that version"
                                          : "[store] bin_dir on both nodes"));
}

void refuse_other_pair(const JoinOffer& offer, const Place& place, const JoinOptions& options)
{
    const auto& name = place.config.pair.name;
    if (!options.pair.empty() && options.pair != name)
        refuse_unchanged(fmt::format("At that address is pair {}, not {}.", printable(name),
                                     printable(options.pair)));
    if (there(place.config_path) && read_text(place.config_path) != offer.config)
        refuse_unchanged(
            fmt::format("{} is there already and differs from that of pair {}: move it "
                        "away to take the other.",
                        place.config_path, printable(name)));
    const auto& key = place.config.pair.key_file;
    if (there(key) && link::read_pair_key(key) != link::parse_pair_key(offer.key, "the key sent"))
        refuse_unchanged(fmt::format("{} is there already and is the key of another pair: move it "
                                     "away to take that of pair {}.",
                                     key, printable(name)));
}

Place place_of_offer(const Context& context, const JoinOffer& offer)
{
    try {
        return place_of(context.config_path(), offer.config);
    } catch (const UsageError& error) { // a whole sentence
        refuse_unchanged(error.what());
    } catch (const std::exception& error) { // this host is none of its nodes, or newer settings
        refuse_unchanged(std::string(error.what()) + ".");
    }
}

/// The two files of the pair from one of its nodes; true when they were not here before.
bool fetch_files(Context& context, const JoinOptions& options)
{
    const auto offer = fetch_offer(
        options.address, read_password(options.password_file, "Admin password of the pair: "));
    const auto place = place_of_offer(context, offer);
    refuse_other_pair(offer, place, options);
    refuse_versions(offer, place);
    if (!there(place.record())) refuse_store_for_join(place, options.replace);
    const auto& key = place.config.pair.key_file;
    const auto parsed = link::parse_pair_key(offer.key, "the key that was sent");
    const bool known = there(key) && there(place.config_path);
    if (!there(place.record()) && there(place.node().data_dir + "/store")) refuse_past(place);
    for (const std::string& file : {place.config_path, key})
        durable::make_folders(std::filesystem::path(file).parent_path(), 0755);
    if (!there(key)) link::write_pair_key(key, parsed);
    if (!there(place.config_path)) durable::replace(place.config_path, offer.config, 0644);
    if (context.for_people())
        fmt::print("Fetched from {}: {} and {}.\n", printable(options.address), place.config_path,
                   key);
    return !known;
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
    if (place.self == core::Node::dr) {
        if (context.for_people())
            fmt::print("This is the dr node: roleswap status shows how far its mirror is.\n");
        return exit_ok;
    }
    const WaitResult result = wait_for_pair(context, {"", true, timeout});
    if (!result.ok)
        throw bus::Error(bus::ErrorCode::failed, "After " + timeout + " " + result.why + ".");
    if (context.for_people()) fmt::print("The mirror is in sync.\n");
    return exit_ok;
}

} // namespace

int join(Context& context, const JoinOptions& options)
{
    const bool fetched = !options.address.empty() && fetch_files(context, options);
    const std::string path = context.config_path();
    if (!there(path))
        refuse_unchanged(path + " is missing; say roleswap join ADDRESS of the first node, or copy "
                                "the file from there.");
    const Place place = place_of(path, read_text(path));
    const std::string& key = place.config.pair.key_file;
    if (!there(key))
        refuse_unchanged(key +
                         " is missing; say roleswap join ADDRESS of the first node, or copy it "
                         "from there, mode 0600.");
    (void)link::read_pair_key(key);
    const auto known = durable::load_record(place.record());
    // A record that names the peer is of a node that has joined: again, to see how far it is.  One
    // that names this node is of an old master: welcome where it had lost its files.
    if (known && known->role.epoch > 0 && known->role.master == place.self && !fetched)
        refuse_unchanged(
            "This node is part of the pair already, by " + place.record() +
            ": if it was initialised as the first one, run roleswap join on the other; "
            "else see roleswap status.");
    if (!known) {
        refuse_past(place);
        refuse_store_for_join(place, options.replace);
        allow_store_for_join(place, options.replace);
        write_record(place, {});
    }
    context.print(summary(place), [](const json& result) {
        return fmt::format("Node {} has joined pair {}.\n", text(result, "node"),
                           text(result, "pair"));
    });
    return follow_until_in_sync(context, place, options.timeout);
}

} // namespace roleswap::cli
