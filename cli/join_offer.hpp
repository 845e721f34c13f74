#pragma once
#include <string>

namespace roleswap::cli {

/// What a node of the pair offers to one that joins.
struct JoinOffer {
    std::string version;    ///< of the daemon there
    int server_version = 0; ///< of PostgreSQL there, 150006
    std::string master;
    std::string config;
    std::string key; ///< text of the pair key file
};

/// Asks the store at "ADDRESS[:PORT]" or "[IPv6]:PORT", by TLS and SCRAM with channel binding: a
/// server that does not know the password, or somebody in between, is found out.  Throws
/// UsageError, or bus::Error: denied (wrong password), refused, unreachable.  Blocks.
JoinOffer fetch_offer(const std::string& address, const std::string& password);

} // namespace roleswap::cli
