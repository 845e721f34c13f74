#include "config/section.hpp"
#include "base/nearest.hpp"
#include "base/quantity.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::config {

using base::TomlValue;
using Kind = TomlValue::Kind;

std::string shown(const TomlValue& value)
{
    if (value.kind == Kind::text) return base::toml_quoted(value.text.substr(0, 100));
    if (value.kind == Kind::array && value.items.empty()) return "an empty list";
    if (value.kind == Kind::array || value.kind == Kind::table)
        return std::string{base::describe(value.kind)};
    return value.text;
}

Section::Section(std::string_view path, std::string name, const TomlValue& table,
                 std::span<const std::string_view> known_keys)
    : path_(path), name_(std::move(name)), table_(table)
{
    if (table.kind != Kind::table)
        fail(table, fmt::format("{} = {}", name_, shown(table)), "a table");
    for (const auto& entry : table.entries) {
        if (std::ranges::find(known_keys, entry.key) != known_keys.end()) continue;
        throw Error({path_, entry.line, entry.column},
                    fmt::format("{}{}{}; allowed: {}", name_, name_.empty() ? "" : ": ",
                                base::unknown_word("key", entry.key, known_keys),
                                fmt::join(known_keys, ", ")));
    }
}

const TomlValue* Section::find(std::string_view key) const
{
    const auto entry = std::ranges::find(table_.entries, key, &base::TomlEntry::key);
    return entry == table_.entries.end() ? nullptr : &entry->value;
}

const TomlValue& Section::require(std::string_view key, std::string_view allowed) const
{
    if (const auto* value = find(key)) return *value;
    const auto read =
        name_.empty() ? fmt::format("no {}", key) : fmt::format("no {} in {}", key, name_);
    fail(table_, read, allowed);
}

void Section::read(std::string_view key, std::string& target, const Rule& rule) const
{
    const auto* value = find(key);
    if (!value) return;
    if (value->kind != Kind::text || !rule.test(value->text)) refuse(*value, key, rule.allowed);
    target = value->text;
}

void Section::read(std::string_view key, std::vector<std::string>& target, const Rule& rule) const
{
    const auto* value = find(key);
    if (!value) return;
    const auto allowed = fmt::format("a list of texts, each {}", rule.allowed);
    if (value->kind != Kind::array) refuse(*value, key, allowed);
    target.clear();
    for (const auto& item : value->items) {
        if (item.kind != Kind::text || !rule.test(item.text)) refuse(item, key, allowed);
        if (std::ranges::find(target, item.text) != target.end())
            fail(item, fmt::format("{} has {} twice", label(key), shown(item)), "each once");
        target.push_back(item.text);
    }
}

void Section::read(std::string_view key, milliseconds& target, const Durations& range) const
{
    const auto* value = find(key);
    if (!value) return;
    const auto read = base::parse_duration(value->text);
    if (value->kind == Kind::text && read && *read >= range.low && *read <= range.high) {
        target = *read;
        return;
    }
    refuse(*value, key,
           fmt::format("a duration from \"{}\" to \"{}\"", base::duration_text(range.low),
                       base::duration_text(range.high)));
}

std::int64_t Section::read_number(std::string_view key, std::int64_t otherwise,
                                  const Numbers& range) const
{
    const auto* value = find(key);
    if (!value) return otherwise;
    if (value->kind != Kind::integer || value->integer < range.low || value->integer > range.high)
        refuse(*value, key, fmt::format("a whole number from {} to {}", range.low, range.high));
    return value->integer;
}

void Section::read_size(std::string_view key, std::uint64_t& target, const Numbers& range) const
{
    const auto* value = find(key);
    if (!value) return;
    const bool sized = value->kind == Kind::text || value->kind == Kind::integer;
    const auto bytes = sized ? base::parse_size(value->text) : std::nullopt;
    if (!bytes || *bytes < static_cast<std::uint64_t>(range.low) ||
        *bytes > static_cast<std::uint64_t>(range.high))
        refuse(*value, key,
               fmt::format("a size from {} to {} bytes, such as \"64KiB\"", range.low, range.high));
    target = *bytes;
}

std::string Section::label(std::string_view key) const
{
    const bool numbered = name_.find(' ') != std::string::npos;
    return fmt::format("{}{}{}", name_, numbered ? ": " : ".", key);
}

void Section::refuse(const TomlValue& value, std::string_view key, std::string_view allowed) const
{
    fail(value, fmt::format("{} = {}", label(key), shown(value)), allowed);
}

void Section::fail(const TomlValue& at, std::string_view read, std::string_view allowed) const
{
    throw Error({path_, at.line, at.column}, fmt::format("{}; allowed: {}", read, allowed));
}

} // namespace roleswap::config
