#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace roleswap::store {

/// A cluster of the distribution, where postgresql-common keeps it (pg_createcluster(1)).
struct External {
    std::string unit;           ///< postgresql@15-main.service
    unsigned version = 0;       ///< major
    std::filesystem::path conf; ///< folder /etc/postgresql/15/main
    std::filesystem::path data; ///< from its configuration
    std::filesystem::path hba;
    std::filesystem::path ident;
    std::filesystem::path log; ///< what the server writes
    std::string owner;         ///< who owns the data, and runs the server
    std::string sockets;       ///< unix_socket_directories, without ours
    std::string preload;       ///< shared_preload_libraries, without ours
    bool operator==(const External&) const = default;
    /// Our settings, the last file of the folder conf.d.
    std::filesystem::path own_conf() const { return conf / "conf.d" / "zz-roleswap.conf"; }
    std::filesystem::path drop_in() const;
};

/// Finds the cluster of a unit.  Throws std::runtime_error with path and remedy.
External find_external(const std::string& unit);

/// Folder of the programs of that version.
std::string external_bin_dir(const External& external);

/// Of ".../15/bin", Debian's layout; 0 where the folder does not tell.
int major_version(const std::string& bin_dir);

/// What keeps a cluster from being the store of a node, or is dangerous.
struct Fault {
    std::string id; ///< one or two words
    bool fatal = true;
    std::string value; ///< with its place
    std::string limit;
    std::string fix;
};
/// One sentence.
std::string describe(const Fault& fault);

/// Looks at the files of the cluster, not at the server; `port` is the one of the configuration.
/// `checksums`: "Data page checksum version" of pg_controldata, 0 = off, negative = not known.
std::vector<Fault> faults_of(const External& external, std::uint16_t port, int checksums);

/// Asks pg_controldata and waits for it, some ms; -1 when it does not say.
int checksums_of(const External& external);

/// No database, table or tablespace beside those that initdb makes, by the numbers of the files:
/// those of users begin with 16384 (manual, "Object Identifier Types"; transam.h).
bool is_fresh(const std::filesystem::path& data);

/// A node takes an external cluster as its store only when it was told so: by "roleswap init", or
/// by "roleswap join" where its data is given up for a copy.  Marks in the data_dir of the node.
void allow_external(const std::string& data_dir, const External& external);
void allow_replacing(const std::string& data_dir, const External& external);
/// One of these was said, or nobody's data is in it.
bool is_ours(const std::filesystem::path& data_dir, const External& external);

/// Text of the drop-in of the unit: nobody but roleswapd starts it.  `token`: the file that is
/// there while it does.
std::string drop_in_text(const std::string& token);

} // namespace roleswap::store
