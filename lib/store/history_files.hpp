#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <sys/stat.h>

namespace roleswap::store {

/// The timeline histories in a cluster's pg_wal (manual, "Timelines").  They are asked for at each
/// look at a stream, so the folder is read only after something in it came, went or got another
/// name.  Throws std::system_error where it cannot be read.
class HistoryFiles {
public:
    explicit HistoryFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// Highest timeline whose history file is there; 1 when there is none.
    std::uint32_t newest();
    /// So often the folder was read.
    std::uint64_t readings() const { return readings_; }

private:
    /// What changes with the names in a folder.
    struct Stamp {
        dev_t device = 0;
        ino_t inode = 0;
        std::int64_t changed_ns = 0; ///< CLOCK_REALTIME
        bool operator==(const Stamp&) const = default;
    };
    Stamp stamp() const;
    std::uint32_t read() const;
    std::filesystem::path folder_;
    std::optional<Stamp> seen_; ///< as of `newest_`
    std::uint32_t newest_ = 1;
    std::uint64_t readings_ = 0;
};

} // namespace roleswap::store
