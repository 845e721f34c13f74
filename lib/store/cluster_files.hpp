#pragma once
#include "store/layout.hpp"
#include "store/options.hpp"
#include <string>
#include <vector>

namespace roleswap::store {

/// What changes in the configuration while postgres runs.
struct Tuning {
    std::vector<std::size_t> link_order; ///< best first; dead links at the end
    bool require_peer = false;           ///< synchronous_standby_names holds the peer
    bool frozen = false;                 ///< sessions are read-only
    bool peer_away = false;              ///< ask rarely for the primary
    bool operator==(const Tuning&) const = default;
};

/// Name of the replication slot that serves a node: PostgreSQL allows a-z, 0-9 and _ only.
std::string slot_name(const std::string& node);

/// Text of postgresql.conf.
std::string settings_text(const Options& options, const Layout& layout, const Tuning& tuning);
/// Text of pg_hba.conf (manual, chapter "Client Authentication"); of an external store only what is
/// ours, to stand before the administrator's lines.
std::string access_text(const Options& options);
/// The same for a server that nobody but the daemon may reach.
std::string isolated_access_text();
/// Settings that win over the others in a server that only reads, alone: no network, no workers,
/// and no file of the write-ahead log that pg_rewind may need is removed.
std::vector<std::pair<std::string, std::string>> isolated_settings(const Layout& layout);
/// Text of pg_ident.conf: who of this machine is who in the store.
std::string users_text(const std::string& os_user);
/// Text of the password file (manual, libpq, "The Password File").
std::string passwords_text(const std::string& password);
/// Connection text to the peer's store as the replication role, all links, best first.
std::string peer_conninfo(const Options& options, const Layout& layout,
                          const std::vector<std::size_t>& link_order);

inline constexpr const char* superuser = "roleswap";
inline constexpr const char* database = "roleswap";
inline constexpr const char* join_role = "roleswap_join";
inline constexpr const char* replica_role = "roleswap_replica";

} // namespace roleswap::store
