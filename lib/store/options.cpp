#include "store/options.hpp"
#include <algorithm>
#include <array>
#include <string_view>

namespace roleswap::store {
namespace {

/// Settings that carry the promises of the pair, its security, or the places of files.
constexpr std::array reserved = std::to_array<std::string_view>({
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
    "recovery_target_timeline",
    "restart_after_crash",
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
    "wal_retrieve_retry_interval",
    "zero_damaged_pages",
});

} // namespace

bool is_reserved_setting(const std::string& name)
{
    return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

} // namespace roleswap::store
