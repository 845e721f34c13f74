#include "base/toml.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <toml++/toml.h>
#include <tuple>

namespace roleswap::base {
namespace {

TomlValue convert(const toml::node& node);

TomlValue convert_table(const toml::table& table, TomlValue value)
{
    value.kind = TomlValue::Kind::table;
    for (const auto& [key, child] : table) {
        const auto place = key.source().begin;
        value.entries.push_back({std::string{key.str()}, place.line, place.column, convert(child)});
    }
    std::ranges::stable_sort(value.entries, {},
                             [](const auto& entry) { return std::tie(entry.line, entry.column); });
    return value;
}

TomlValue convert_array(const toml::array& array, TomlValue value)
{
    value.kind = TomlValue::Kind::array;
    for (const auto& item : array) value.items.push_back(convert(item));
    return value;
}

TomlValue convert_scalar(const toml::node& node, TomlValue value)
{
    using Kind = TomlValue::Kind;
    if (const auto* text = node.as_string()) {
        value.kind = Kind::text;
        value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        value.kind = Kind::integer;
        value.integer = integer->get();
        value.text = fmt::format("{}", value.integer);
    } else if (const auto* real = node.as_floating_point()) {
        value.kind = Kind::real;
        value.text = fmt::format("{}", real->get());
    } else if (const auto* boolean = node.as_boolean()) {
        value.kind = Kind::boolean;
        value.boolean = boolean->get();
        value.text = value.boolean ? "true" : "false";
    } else {
        value.kind = Kind::moment;
        value.text = "a date or time";
    }
    return value;
}

TomlValue convert(const toml::node& node)
{
    TomlValue value;
    value.line = std::max(1U, unsigned{node.source().begin.line});
    value.column = std::max(1U, unsigned{node.source().begin.column});
    if (const auto* table = node.as_table()) return convert_table(*table, std::move(value));
    if (const auto* array = node.as_array()) return convert_array(*array, std::move(value));
    return convert_scalar(node, std::move(value));
}

} // namespace

TomlValue parse_toml(std::string_view text, std::string_view path)
{
    try {
        return convert(toml::parse(text, path));
    } catch (const toml::parse_error& error) {
        const auto place = error.source().begin;
        throw ParseError({std::string{path}, std::max(1U, unsigned{place.line}),
                          std::max(1U, unsigned{place.column})},
                         fmt::format("{}; allowed: TOML 1.0", error.description()));
    }
}

std::string toml_quoted(std::string_view text)
{
    std::string quoted = "\"";
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            quoted += fmt::format("\\{}", c);
        else if (c == '\n')
            quoted += "\\n";
        else if (c == '\t')
            quoted += "\\t";
        else if (code < 0x20 || code == 0x7f)
            quoted += fmt::format("\\u{:04X}", code);
        else
            quoted += c;
    }
    return quoted + '"';
}

std::string_view describe(TomlValue::Kind kind)
{
    switch (kind) {
    case TomlValue::Kind::text:
        return "a text";
    case TomlValue::Kind::integer:
        return "a whole number";
    case TomlValue::Kind::real:
        return "a number with a point";
    case TomlValue::Kind::boolean:
        return "true or false";
    case TomlValue::Kind::moment:
        return "a date or time";
    case TomlValue::Kind::array:
        return "a list";
    case TomlValue::Kind::table:
        return "a table";
    }
    return "?";
}

} // namespace roleswap::base
