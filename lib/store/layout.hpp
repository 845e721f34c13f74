#pragma once
#include "event/process.hpp"
#include "store/options.hpp"
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::store {

/// Where the files of a managed store are, and whose.  Configuration stays outside the cluster:
/// base backup and pg_rewind copy what is inside from the other node.
class Layout {
public:
    /// Makes the folders, finishes an exchange of clusters that a crash cut in two.  Throws.
    explicit Layout(const Options& options);

    const std::filesystem::path& base() const { return base_; }
    const std::filesystem::path& sockets() const { return sockets_; }
    std::filesystem::path cluster() const { return base_ / "pg"; }
    /// A copy or a new cluster that is not complete.
    std::filesystem::path fresh() const { return base_ / "pg.new"; }
    std::filesystem::path old() const { return base_ / "pg.old"; }
    std::filesystem::path file(const char* name) const { return base_ / name; }
    const std::optional<event::UserId>& user() const { return user_; }

    /// A cluster is there.
    bool has_cluster() const;
    /// The cluster is half rewound and good for nothing but a new copy.
    bool is_torn() const;
    void mark_torn() const;
    void clear_torn() const;
    bool is_standby() const;
    void mark_standby() const;
    void mark_primary() const;
    /// Highest timeline whose history file is there; 1 when there is none.
    std::uint32_t newest_history() const;
    /// `fresh` becomes the cluster; the one before becomes `old`.  A crash in between is finished
    /// at the next start.
    void exchange() const;

    /// Replaces a file, owned by the user of postgres.  Not synced: made anew at each start.
    void write(const std::filesystem::path& path, std::string_view text, mode_t mode) const;

private:
    std::filesystem::path ready() const { return base_ / "pg.ready"; }
    void finish_exchange() const;
    void own(const std::filesystem::path& path) const;
    std::filesystem::path base_;
    std::filesystem::path sockets_;
    std::optional<event::UserId> user_;
};

/// Processes of PostgreSQL whose working folder is this one: postgres and all its children live in
/// their cluster's folder, also those that outlived their postmaster.
std::vector<pid_t> processes_in(const std::filesystem::path& folder);

} // namespace roleswap::store
