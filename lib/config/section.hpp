#pragma once
#include "base/toml.hpp"
#include "config/config.hpp"
#include <concepts>
#include <span>
#include <string>
#include <string_view>

namespace roleswap::config {

/// One table of the file, read key by key.  The constructor refuses keys it is not told about;
/// every reader leaves its target alone when the key is absent, and throws Error when the value is
/// not what is allowed.
class Section {
public:
    /// `name` as messages show it: "pair", "node 1".
    Section(std::string_view path, std::string name, const base::TomlValue& table,
            std::span<const std::string_view> known_keys);

    /// Null when the key is absent.
    const base::TomlValue* find(std::string_view key) const;
    /// Throws Error at the table when the key is absent.
    const base::TomlValue& require(std::string_view key, std::string_view allowed) const;

    /// What a text has to be, and how to say that.
    struct Rule {
        bool (*test)(std::string_view);
        std::string_view allowed;
    };
    void read(std::string_view key, std::string& target, const Rule& rule) const;
    void read(std::string_view key, std::vector<std::string>& target, const Rule& rule) const;

    struct Durations {
        milliseconds low;
        milliseconds high;
    };
    void read(std::string_view key, milliseconds& target, const Durations& range) const;

    struct Numbers {
        std::int64_t low;
        std::int64_t high;
    };
    template <std::unsigned_integral T>
    void read(std::string_view key, T& target, const Numbers& range) const
    {
        target = static_cast<T>(read_number(key, static_cast<std::int64_t>(target), range));
    }
    /// Bytes, as a number or as a text such as "64KiB".
    void read_size(std::string_view key, std::uint64_t& target, const Numbers& range) const;

    /// "pair.heartbeat", "node 1: store_port"
    std::string label(std::string_view key) const;
    [[noreturn]] void refuse(const base::TomlValue& value, std::string_view key,
                             std::string_view allowed) const;
    /// Throws Error with `read` as what was read.
    [[noreturn]] void fail(const base::TomlValue& at, std::string_view read,
                           std::string_view allowed) const;

private:
    std::int64_t read_number(std::string_view key, std::int64_t otherwise,
                             const Numbers& range) const;

    std::string path_;
    std::string name_;
    const base::TomlValue& table_;
};

/// A value as messages show it.
std::string shown(const base::TomlValue& value);

} // namespace roleswap::config
