#include "store/cluster_files.hpp"
#include "config/reserved_settings.hpp"
#include "pg/result.hpp"
#include <algorithm>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <set>

namespace roleswap::store {
namespace {

bool is_loopback(const std::string& address)
{
    return address.starts_with("127.") || address == "::1";
}

/// Two nodes on one machine (tests, trying out): each then listens on its own addresses only.
bool on_one_machine(const Options& options)
{
    return std::all_of(options.links.begin(), options.links.end(),
                       [](const LinkAddress& link) { return is_loopback(link.own); });
}

std::string listen_addresses(const Options& options)
{
    if (!on_one_machine(options)) return "*";
    std::string list;
    std::set<std::string> known; // a link that leads to several nodes
    for (const auto& link : options.links)
        if (known.insert(link.own).second) list += (list.empty() ? "" : ",") + link.own;
    return list;
}

std::string network_of(const std::string& address)
{
    return address + (address.find(':') == std::string::npos ? "/32" : "/128");
}

std::string setting(std::string_view name, std::string_view value)
{
    return fmt::format("{} = {}\n", name, pg::quote_literal(value));
}

/// Value inside a libpq connection text.
std::string conninfo_value(std::string_view text)
{
    std::string quoted = "'";
    for (const char letter : text) {
        if (letter == '\'' || letter == '\\') quoted += '\\';
        quoted += letter;
    }
    return quoted + "'";
}

/// Of a cluster that is ours alone.
constexpr std::string_view managed_settings = R"(
unix_socket_permissions = 0777     # the folder decides who reaches it
wal_level = replica
hot_standby = on
max_wal_senders = 10
max_replication_slots = 10
max_wal_size = '1GB'
min_wal_size = '64MB'
checkpoint_timeout = '5min'
checkpoint_completion_target = 0.9
log_line_prefix = '[%p] '
timezone = 'UTC'
log_timezone = 'UTC'
jit = off
)";

/// What the promises of the pair rest on.
constexpr std::string_view fixed_settings = R"(
ssl = on
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
hot_standby_feedback = on
wal_keep_size = '128MB'            # a short absence and pg_rewind need it
max_slot_wal_keep_size = '1GB'     # a lost standby cannot fill the disk
synchronous_commit = on
wal_sender_timeout = '2s'          # backstop; the daemon moves links much sooner
wal_receiver_timeout = '2s'
wal_receiver_status_interval = '1s'
tcp_keepalives_idle = 1
tcp_keepalives_interval = 1
tcp_keepalives_count = 2
tcp_user_timeout = '2s'
max_standby_streaming_delay = '500ms' # readers must not hold up a promotion
restart_after_crash = on
recovery_init_sync_method = syncfs # one call; syncing each of 1400 files takes 2 s here
logging_collector = off
log_destination = 'stderr'
lc_messages = 'C'                  # some lines of the log are acted on
)";

/// Where the two kinds of stores differ: of an external one the administrator decides more.
std::string own_settings(const Options& options, const Layout& layout)
{
    if (!options.external)
        return fmt::format("{}port = {}\n{}", managed_settings, options.port,
                           setting("unix_socket_directories", layout.sockets().string()));
    return "log_line_prefix = '%m [%p] '\n" +
           setting("unix_socket_directories",
                   options.external->sockets + ", " + layout.sockets().string());
}

/// Whoever tries passwords waits a second after each wrong one (contrib module auth_delay, where it
/// is installed).
std::string guessing_settings(const Options& options)
{
    const auto module = std::filesystem::path(options.bin_dir) / "../lib/auth_delay.so";
    if (!std::filesystem::exists(module)) return {};
    const auto other = options.settings.find("shared_preload_libraries");
    auto list = options.external ? options.external->preload : std::string();
    if (other != options.settings.end()) list = other->second;
    if (!list.empty()) list += ",";
    return fmt::format("shared_preload_libraries = {}\nauth_delay.milliseconds = 1000\n",
                       pg::quote_literal(list + "auth_delay"));
}

} // namespace

std::string slot_name(const std::string& node)
{
    std::string name = "roleswap_";
    for (const char letter : node) {
        const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
        const bool upper = letter >= 'A' && letter <= 'Z';
        name += plain ? letter : upper ? static_cast<char>(letter - 'A' + 'a') : '_';
    }
    return name.substr(0, 63);
}

std::string settings_text(const Options& options, const Layout& layout, const Tuning& tuning)
{
    std::string text = "# Written by roleswapd at each start and change; edits are lost.\n";
    for (const auto& [name, value] : options.settings)
        if (!config::is_reserved_setting(name)) text += setting(name, value);
    text += fixed_settings;
    text += own_settings(options, layout);
    text += guessing_settings(options);
    text += setting("listen_addresses", listen_addresses(options));
    text += setting("ssl_cert_file", layout.file("server.crt").string());
    text += setting("ssl_key_file", layout.file("server.key").string());
    text += setting("primary_conninfo", peer_conninfo(options, layout, tuning.link_order));
    text += setting("primary_slot_name", slot_name(options.name));
    // A standby that is promoted right after the primary died may sleep this out; while the
    // primary is long gone, every attempt costs a process.
    text += setting("wal_retrieve_retry_interval", tuning.peer_away ? "200ms" : "10ms");
    text += setting("synchronous_standby_names",
                    tuning.require_peer ? pg::quote_identifier(options.peer_name) : "");
    text += setting("default_transaction_read_only", tuning.frozen ? "on" : "off");
    if (tuning.frozen || !options.external)
        text += setting("autovacuum", tuning.frozen ? "off" : "on");
    return text;
}

std::string access_text(const Options& options)
{
    const bool external = options.external.has_value();
    const char* databases = external ? database : "all"; // of others the administrator decides
    std::string text = "# Written by roleswapd.  The superuser never comes over the network.\n";
    if (external) text += fmt::format("local all {} peer map=roleswap\n", superuser);
    if (external) text += fmt::format("local postgres {} peer\n", options.external->owner);
    text += fmt::format("local {} all peer map=roleswap\n", databases);
    std::vector<std::string> peers;
    for (const auto& link : options.links) peers.push_back(network_of(link.peer));
    // Connections between loopback addresses come from 127.0.0.1, whichever was meant.
    if (on_one_machine(options)) peers = {"127.0.0.0/8", "::1/128"};
    for (const auto& peer : peers)
        text += fmt::format("hostssl replication {0} {1} scram-sha-256\n"
                            "hostssl postgres {0} {1} scram-sha-256\n",
                            replica_role, peer);
    text += fmt::format("host all {},{} all reject\n", superuser, replica_role);
    text += fmt::format("host replication {} all reject\n", external ? replica_role : "all");
    auto joiners = options.allow; // a node that joins may come by any link, or as a client
    joiners.insert(joiners.end(), peers.begin(), peers.end());
    for (const auto& network : joiners)
        text += fmt::format("hostssl {} {} {} scram-sha-256\n", database, join_role, network);
    text += fmt::format("host all {} all reject\n", join_role);
    for (const auto& network : options.allow)
        text += fmt::format("hostssl {} all {} scram-sha-256\n", databases, network);
    if (options.allow.empty())
        for (const auto& peer : peers)
            text += fmt::format("hostssl {} all {} scram-sha-256\n", databases, peer);
    return text + fmt::format("host {} all all reject\n", databases);
}

std::string isolated_access_text()
{
    return fmt::format("local all {} peer map=roleswap\n", superuser);
}

std::vector<std::pair<std::string, std::string>> isolated_settings(const Layout& layout)
{
    return {{"listen_addresses", ""},
            {"unix_socket_directories", layout.isolated().string()},
            {"hba_file", layout.file("isolated_hba.conf").string()},
            {"default_transaction_read_only", "on"},
            {"synchronous_standby_names", ""},
            {"shared_preload_libraries", ""},
            {"max_wal_senders", "0"},
            {"max_logical_replication_workers", "0"},
            {"autovacuum", "off"},
            {"ssl", "off"},
            {"restart_after_crash", "off"},
            {"wal_keep_size", "1TB"}};
}

std::string users_text(const std::string& os_user)
{
    std::string text = fmt::format("roleswap root {0}\nroleswap {1} {0}\n", superuser, os_user);
    // Everybody else is the role of his own name.
    text += "roleswap /^(.*)$ \\1\n";
    return text;
}

std::string passwords_text(const std::string& password)
{
    std::string escaped;
    for (const char letter : password) {
        if (letter == ':' || letter == '\\') escaped += '\\';
        escaped += letter;
    }
    return fmt::format("*:*:*:{}:{}\n", replica_role, escaped);
}

std::string peer_conninfo(const Options& options, const Layout& layout,
                          const std::vector<std::size_t>& link_order)
{
    std::string hosts;
    std::string ports;
    for (const auto index : link_order) {
        hosts += (hosts.empty() ? "" : ",") + options.links.at(index).peer;
        const auto port = options.links.at(index).port;
        ports += (ports.empty() ? "" : ",") + std::to_string(port != 0 ? port : options.peer_port);
    }
    // Below 2 s connect_timeout counts as 2 s; tcp_user_timeout also limits the first packet.
    return fmt::format("host={} port={} user={} passfile={} sslmode=verify-ca sslrootcert={} "
                       "sslcert={} channel_binding=require gssencmode=disable application_name={} "
                       "connect_timeout=2 keepalives_idle=1 keepalives_interval=1 "
                       "keepalives_count=2 tcp_user_timeout=1000",
                       hosts, ports, replica_role, conninfo_value(layout.file("passfile").string()),
                       conninfo_value(layout.file("server.crt").string()),
                       // None: a certificate in the home of whoever runs us is not ours.
                       conninfo_value(layout.file("no-client-certificate").string()),
                       conninfo_value(options.name));
}

} // namespace roleswap::store
