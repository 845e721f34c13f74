#pragma once
#include "event/process.hpp"
#include "store/options.hpp"
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::store {

/// Where the files of a store are, and whose.  Configuration stays outside the cluster: base backup
/// and pg_rewind copy what is inside from the other node.  Of a managed store all is in
/// data_dir/store; of an external one our files are in data_dir/external, its cluster is where the
/// distribution has it, and what is put in its place or was there before stands beside it.
class Layout {
public:
    /// Makes the folders, finishes an exchange of clusters that a crash cut in two.  Throws.
    explicit Layout(const Options& options);

    const std::filesystem::path& base() const { return base_; }
    const std::filesystem::path& sockets() const { return sockets_; }
    /// Socket folder of a server that nobody else may reach, mode 0700.
    const std::filesystem::path& isolated() const { return isolated_; }
    /// Folder of files with rows that only this node held, until the other node has them.
    const std::filesystem::path& spool() const { return spool_; }
    const std::filesystem::path& cluster() const { return cluster_; }
    /// A copy or a new cluster that is not complete.
    std::filesystem::path fresh() const { return beside("new"); }
    std::filesystem::path old() const { return beside("old"); }
    /// Some bytes that tell how fast the disk is.
    std::filesystem::path sample() const { return beside("sample"); }
    /// Folders beside the cluster that are not needed once a standby streams.
    std::vector<std::filesystem::path> waste() const;
    std::filesystem::path file(const char* name) const { return base_ / name; }
    const std::optional<event::UserId>& user() const { return user_; }

    /// A cluster is there, and it is ours.
    bool has_cluster() const;
    /// What changes while the server runs.
    std::filesystem::path settings_file() const;
    /// An external cluster is not ours before "init", or "join" with consent to replace it.
    bool is_ours() const;
    /// Of an external cluster that was not taken as our store: it may be replaced by a copy.
    bool may_replace() const;
    /// We have never started this external cluster; it may be running.
    bool is_untouched() const;
    void mark_touched() const;
    /// The cluster is ours now.
    void adopt() const;
    /// The cluster is half rewound and good for nothing but a new copy.
    bool is_torn() const;
    void mark_torn() const;
    void clear_torn() const;
    /// It was primary and has not streamed from another since: it may hold what nobody else has.
    bool has_led() const;
    void mark_led() const;
    void clear_led() const;
    bool is_standby() const;
    void mark_standby() const;
    void mark_primary() const;
    /// `fresh` becomes the cluster; the one before becomes `old`.  A crash in between is finished
    /// at the next start.
    void exchange() const;
    /// Moves the cluster to a name of its own, for people; nothing here touches it again.
    std::filesystem::path keep_aside() const;
    /// Bytes that the user of postgres may still write beside the cluster.  Throws.
    std::uint64_t free_bytes() const;

    /// Replaces a file, owned by the user of postgres.  Not synced: made anew at each start.
    void write(const std::filesystem::path& path, std::string_view text, mode_t mode) const;

private:
    std::filesystem::path ready() const { return beside("ready"); }
    std::filesystem::path beside(const std::string& what) const;
    void finish_exchange() const;
    void own(const std::filesystem::path& path) const;
    bool external_;
    std::filesystem::path settings_;
    std::filesystem::path base_;
    std::filesystem::path cluster_;
    std::filesystem::path sockets_;
    std::filesystem::path isolated_;
    std::filesystem::path spool_;
    std::optional<event::UserId> user_;
};

/// Processes of PostgreSQL whose working folder is this one: postgres and all its children live in
/// their cluster's folder, also those that outlived their postmaster.
std::vector<pid_t> processes_in(const std::filesystem::path& folder);

} // namespace roleswap::store
