#pragma once
#include "base/parse_error.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::base {

struct TomlEntry;

/// A value of a TOML document (toml.io, version 1.0) with its place; lines and columns from 1.
struct TomlValue {
    enum class Kind : std::uint8_t { text, integer, real, boolean, moment, array, table };
    Kind kind = Kind::table;
    unsigned line = 1;
    unsigned column = 1;
    std::string text; ///< also the value as it would be written, for all kinds but array and table
    std::int64_t integer = 0;
    bool boolean = false;
    std::vector<TomlValue> items;
    std::vector<TomlEntry> entries; ///< in the order of the document
};

struct TomlEntry {
    std::string key;
    unsigned line = 1;
    unsigned column = 1;
    TomlValue value;
};

/// The root table.  Throws ParseError for what is no TOML, duplicates among it; `path` is for the
/// message only.
TomlValue parse_toml(std::string_view text, std::string_view path);

/// `text` as a TOML basic string with its quotes.
std::string toml_quoted(std::string_view text);

/// The same for messages: of a long text its begin, and how long it is.
std::string toml_shortened(std::string_view text);

/// "a text", "a whole number", ...: for messages.
std::string_view describe(TomlValue::Kind kind);

} // namespace roleswap::base
