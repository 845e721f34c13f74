#include "config/parse.hpp"
#include "config/reserved_settings.hpp"
#include "config/rules.hpp"
#include "config/store_unit.hpp"
#include <array>
#include <fmt/format.h>

namespace roleswap::config {
namespace {

using base::TomlValue;

bool is_setting_name(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") ==
                                std::string_view::npos;
}

} // namespace

void Parser::parse_store(const TomlValue& table)
{
    constexpr std::array<std::string_view, 5> keys{"kind", "bin_dir", "user", "allow", "settings"};
    const Section section{path_, "store", table, keys};
    auto& store = config_.store;
    std::string kind;
    section.read("kind", kind,
                 {[](std::string_view text) { return text == "managed"; }, "\"managed\""});
    section.read("bin_dir", store.bin_dir, rules::path);
    section.read("user", store.user, rules::account);
    section.read("allow", store.allow, rules::network);
    if (const auto* settings = section.find("settings")) parse_settings(section, *settings);
}

void Parser::parse_node_store(const Section& section, Node& node)
{
    constexpr std::uint16_t distribution_port = 5432;
    std::string store = "managed";
    section.read("store", store,
                 {[](std::string_view text) { return text == "managed" || text == "external"; },
                  "\"managed\" or \"external\""});
    const auto* unit = section.find("store_unit");
    if (store == "external") {
        node.store = Node::Store::external;
        node.store_port = distribution_port;
        section.require("store_unit", rules::store_unit.allowed);
        section.read("store_unit", node.store_unit, rules::store_unit);
    } else if (unit) {
        section.fail(*unit, section.label("store_unit") + " without store = \"external\"",
                     "store_unit with store = \"external\"");
    }
    section.read("store_port", node.store_port, Section::Numbers{1, 65535});
}

void Parser::check_store_units(const Section& section, const Node& mine, const Node& theirs)
{
    const auto before = parse_store_unit(theirs.store_unit);
    const auto here = parse_store_unit(mine.store_unit);
    if (!before || !here || before->version == here->version) return;
    section.fail(*section.find("store_unit"),
                 fmt::format("PostgreSQL {} on node {}, {} on node {}", before->version,
                             theirs.name, here->version, mine.name),
                 "the same version on both: a mirror needs it");
}

void Parser::parse_settings(const Section& store, const TomlValue& table)
{
    using Kind = TomlValue::Kind;
    if (table.kind != Kind::table) store.refuse(table, "settings", "a table of NAME = VALUE");
    for (const auto& [key, line, column, value] : table.entries) {
        auto at = value;
        at.line = line;
        at.column = column;
        const auto label = fmt::format("settings.{}", key);
        if (!is_setting_name(key))
            store.fail(at, store.label(label), "names of PostgreSQL settings, in small letters");
        if (is_reserved_setting(key))
            store.fail(at, fmt::format("{}, which roleswapd sets itself", store.label(label)),
                       "other settings of PostgreSQL");
        const bool plain = value.kind == Kind::text || value.kind == Kind::integer ||
                           value.kind == Kind::real || value.kind == Kind::boolean;
        if (!plain || value.text.find('\n') != std::string::npos)
            store.refuse(value, label, "a text, a number, true or false");
        config_.store.settings[key] = value.text;
    }
}

} // namespace roleswap::config
