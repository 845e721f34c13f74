#include "base/toml.hpp"
#include "base/utf8.hpp"
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

/// Columns are code points, as the parser counts them.
ParseError::Place place_at(std::string_view read, std::string_view path)
{
    const auto lines = static_cast<unsigned>(std::ranges::count(read, '\n'));
    read.remove_prefix(read.rfind('\n') + 1); // nothing where there is none
    const auto points = std::ranges::count_if(
        read, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    return {std::string{path}, lines + 1, static_cast<unsigned>(points) + 1};
}

/// The parser names neither the byte nor a remedy.
void check_bytes(std::string_view text, std::string_view path)
{
    const auto valid = valid_length(text);
    if (valid == text.size()) return;
    const auto byte = static_cast<unsigned char>(text[valid]);
    throw ParseError(place_at(text.substr(0, valid), path),
                     fmt::format("{}; allowed: text in UTF-8 without NUL bytes: take it out, or "
                                 "save the file as UTF-8",
                                 byte == 0
                                     ? "a NUL byte"
                                     : fmt::format("byte 0x{:02X}, which is no UTF-8", byte)));
}

} // namespace

TomlValue parse_toml(std::string_view text, std::string_view path)
{
    check_bytes(text, path);
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

std::string toml_shortened(std::string_view text)
{
    constexpr std::size_t shown_max = 100;
    if (text.size() <= shown_max) return toml_quoted(text);
    auto begin = text.substr(0, shown_max);
    while ((static_cast<unsigned char>(text[begin.size()]) & 0xC0U) == 0x80U && !begin.empty())
        begin.remove_suffix(1); // no part of a sequence
    return fmt::format("{}... ({} bytes)", toml_quoted(begin), text.size());
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
