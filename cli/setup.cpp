#include "commands.hpp"
#include "config/config.hpp"
#include "durable/file.hpp"
#include "durable/record_file.hpp"
#include "external_store.hpp"
#include "field.hpp"
#include "link/pair_key.hpp"
#include "link/sealed_key.hpp"
#include "place.hpp"
#include "secret.hpp"
#include "setup_options.hpp"
#include "store/external.hpp"
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// Odd epochs belong to the first node, even ones to the second.
core::Epoch first_epoch(core::Node self)
{
    return self == core::Node::first ? 1 : 2;
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
        refuse_unchanged(path +
                         " is there already; leave out the options to use it, or move it away.");
    return read_text(path);
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
                       "  on the peer  roleswap join ADDRESS (of this node; it asks for the admin\n"
                       "               password, set here with roleswap password set), or copy\n"
                       "               {} and {} there\n"
                       "               (mode 0600) and say roleswap join\n"
                       "  on the peer  systemctl enable --now roleswapd\n",
                       text(result, "node"), text(result, "pair"), name_hint(result),
                       text(result, "config"), text(result, "key_file"));
}

json join_password_of(const std::string& password, const link::PairKey& key)
{
    return {{"verifier", scram_verifier(password, "roleswap_join")},
            {"sealed_key", link::seal_with_password(link::to_text(key), password)}};
}

} // namespace

int init(Context& context, const InitOptions& options)
{
    std::string password; // asked for first: nothing is half done without it
    if (!options.password_file.empty()) password = read_new_password(options.password_file);
    const std::string path = context.config_path();
    const std::string text = text_for_init(options, path);
    const Place place = place_of(path, text);
    refuse_past(place);
    const std::string& key = place.config.pair.key_file;
    if (there(key))
        refuse_unchanged(
            key + " is there already: it was made here or copied from the first node.  On the "
                  "second node use roleswap join; to start over, move it away.");
    if (place.self == core::Node::dr)
        refuse_unchanged(
            "This is the dr node: run roleswap init on a node of the pair, and roleswap "
            "join here.");
    refuse_store_for_init(place);
    const link::PairKey made = link::generate_pair_key(place.config.pair.name);
    for (const std::string& file : {path, key})
        durable::make_folders(std::filesystem::path(file).parent_path(), 0755);
    if (!there(path)) durable::replace(path, text, 0644);
    link::write_pair_key(key, made);
    if (!password.empty()) {
        durable::make_folders(place.node().data_dir, 0755);
        durable::replace(place.node().data_dir + "/join-password.json",
                         join_password_of(password, made).dump(), 0600);
    }
    allow_store_for_init(place);
    // Last: only with its record the daemon starts.
    write_record(place, {first_epoch(place.self), place.self, core::Mode::alone});
    context.print(summary(place), next_steps);
    return exit_ok;
}

int password_set(Context& context, const std::string& file)
{
    const auto key = link::read_pair_key(context.load_config().pair.key_file);
    const auto password = read_new_password(file);
    context.print(context.call("join_password", join_password_of(password, key)), [](const json&) {
        return "Set: roleswap join ADDRESS on the other node asks for it.\n";
    });
    return exit_ok;
}

namespace {

/// What the store of this node lacks; nothing where this host is none of the pair's.
json store_problems(const config::Config& config, const std::string& path)
{
    Place place{path, config, core::Node::first};
    try {
        place.self = self_of(config);
    } catch (const std::exception&) { // a file may be checked anywhere
        return json::array();
    }
    json list = json::array();
    for (const auto& fault : external_faults(place, Checksums::look))
        list.push_back({{"id", fault.id},
                        {"level", fault.fatal ? "fail" : "warn"},
                        {"value", fault.value},
                        {"limit", fault.limit},
                        {"fix", fault.fix}});
    return list;
}

std::string problem_lines(const json& result)
{
    std::string lines;
    for (const json& problem : list(result, "store"))
        lines +=
            fmt::format("store of this node: {}: {}: {}; allowed: {}; {}\n", text(problem, "level"),
                        text(problem, "id"), printable(text(problem, "value")),
                        text(problem, "limit"), printable(text(problem, "fix")));
    return lines;
}

} // namespace

int config_check(Context& context, const std::string& given)
{
    const std::string path = given.empty() ? context.config_path() : given;
    const config::Config config = config::parse(read_text(path), path);
    json names = json::array();
    for (const config::Node& node : config.nodes.values) names.push_back(node.name);
    if (config.has_dr()) names.push_back(config.nodes.dr.name);
    const auto problems = store_problems(config, path);
    const bool ok = std::ranges::none_of(
        problems, [](const json& problem) { return problem["level"] == "fail"; });
    const json result{{"ok", ok},
                      {"file", path},
                      {"pair", config.pair.name},
                      {"nodes", names},
                      {"links", config.links.size()},
                      {"store", problems}};
    context.print(result, [](const json& shown) {
        const auto lines = problem_lines(shown);
        if (!flag(shown, "ok")) return lines;
        const auto& nodes_of = shown["nodes"];
        const bool dr = nodes_of.size() > 2;
        return fmt::format("{}{} is good: pair {}, nodes {} and {}{}, {} links.\n", lines,
                           text(shown, "file"), text(shown, "pair"), nodes_of[0].get<std::string>(),
                           nodes_of[1].get<std::string>(),
                           dr ? ", dr node " + nodes_of[2].get<std::string>() : std::string{},
                           number(shown, "links"));
    });
    return ok ? exit_ok : exit_failed;
}

} // namespace roleswap::cli
