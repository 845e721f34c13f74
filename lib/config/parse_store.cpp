#include "config/parse.hpp"
#include "config/rules.hpp"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace roleswap::config {
namespace {

using base::TomlValue;

/// The daemon sets these itself; another value would break a promise of the pair.  At least those
/// that the store leaves out, so that none is ignored in silence.
constexpr auto own_settings = std::to_array<std::string_view>({
    "archive_cleanup_command",
    "config_file",
    "data_directory",
    "data_sync_retry",
    "default_transaction_read_only",
    "external_pid_file",
    "fsync",
    "full_page_writes",
    "hba_file",
    "hot_standby",
    "ident_file",
    "include",
    "include_dir",
    "include_if_exists",
    "lc_messages",
    "listen_addresses",
    "log_destination",
    "log_line_prefix",
    "logging_collector",
    "max_replication_slots",
    "max_slot_wal_keep_size",
    "max_wal_senders",
    "password_encryption",
    "port",
    "primary_conninfo",
    "primary_slot_name",
    "promote_trigger_file",
    "recovery_end_command",
    "restart_after_crash",
    "restore_command",
    "ssl",
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_key_file",
    "synchronous_commit",
    "synchronous_standby_names",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
    "wal_level",
    "wal_log_hints",
    "wal_retrieve_retry_interval",
    "zero_damaged_pages",
});

bool is_setting_name(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") ==
                                std::string_view::npos;
}

bool is_own_setting(std::string_view name)
{
    return name.starts_with("recovery_target") ||
           std::ranges::find(own_settings, name) != own_settings.end();
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
        if (is_own_setting(key))
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
