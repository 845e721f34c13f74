#include "config/reserved_settings.hpp"
#include <algorithm>
#include <array>

namespace roleswap::config {
namespace {

/// roleswap.toml(5) lists them; scripts/check-man compares.
constexpr auto reserved_settings = std::to_array<std::string_view>({
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

} // namespace

bool is_reserved_setting(std::string_view name)
{
    return name.starts_with("recovery_target") ||
           std::ranges::find(reserved_settings, name) != reserved_settings.end();
}

} // namespace roleswap::config
