#pragma once
#include "store/external.hpp"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::store {

/// One link between the nodes, as IP addresses.
struct LinkAddress {
    std::string name; ///< for people
    std::string own;
    std::string peer;
    std::uint16_t port = 0; ///< of the store there; 0: Options::peer_port
    std::string node{};     ///< whose it is; empty: Options::peer_name
};

/// Rows that are worth keeping when this node's history is given up for the other node's.  The
/// query has one column of JSON text; "{since}" in it stands for the first transaction that the
/// other node does not have, as an SQL expression of type xid, NULL where that is not known.
struct Keepsake {
    std::string kind; ///< a word for the reader of the spool file
    std::string sql;
    std::string table{}; ///< where the store has no such table there is nothing to keep; empty:
                         ///< always asked
};

/// What a store is told once.  Both nodes get the same but for own and peer.
struct Options {
    std::optional<External> external{}; ///< empty: the daemon makes and runs its own postgres
    std::string data_dir;      ///< a managed cluster lives in data_dir/store/pg; made when missing
    std::string run_dir;       ///< the socket lives in run_dir/store, mode 0750
    bool distribution = false; ///< one of the nodes has an external store
    std::string bin_dir;       ///< folder of postgres, initdb, pg_rewind, pg_basebackup
    std::string user;          ///< who postgres runs as when the daemon is root; else ignored
    std::uint16_t port = 7432;
    std::uint16_t peer_port = 7432;
    std::string name;                 ///< of this node; slot and application name
    std::string peer_name;            ///< of the other node; set_peer() names another one
    std::vector<LinkAddress> links;   ///< as configured, best first; of further nodes after them
    std::string replication_password; ///< derived from the pair key, the same on both nodes
    std::string certificate;          ///< PEM; the peer trusts exactly this one
    std::string private_key;          ///< PEM
    std::vector<std::string> allow{}; ///< client networks, "10.0.0.0/16"
    std::map<std::string, std::string> settings{}; ///< extra postgres settings
    std::string cgroup{}; ///< folder of a cgroup of its own for all its processes; empty: none
    std::vector<Keepsake> keepsakes{};  ///< asked of the database `roleswap`
    std::vector<std::string> further{}; ///< names of nodes that may mirror beside the peer
};

} // namespace roleswap::store
