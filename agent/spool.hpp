#pragma once
#include "durable/writer.hpp"
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace roleswap::agent {

/// One attempt at one run.
struct Key {
    std::int64_t run = 0;
    std::int64_t attempt = 1;
    auto operator<=>(const Key&) const = default;
};

/// What the agent keeps on its disk: which attempts have begun and how they ended, until the pair
/// has that; who it is; and the newest epoch it has seen.  An attempt is begun here before it has a
/// process, so what is not here has never run.
///
///     STATE_DIR/identity        {"spool", "epoch"}
///     STATE_DIR/runs/RUN-ATTEMPT  {"task", "begun_us", "result"?}
///
/// The disk is written beside the loop.  A full one loses no result while the agent lives: those
/// stay in memory, and `trouble` of the answer says why.  Pinned.
class Spool {
public:
    using Done = std::function<void(const std::string& trouble)>;
    struct Record {
        Key key;
        std::string task;
        std::int64_t begun_us = 0; ///< since 1970
        std::optional<nlohmann::json> result;
    };

    /// Makes the folder, reads or makes the identity.  Throws where it cannot.
    Spool(durable::Writer& writer, std::string folder);
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    /// What an earlier process left; of a damaged file only which attempt had begun.
    std::vector<Record> load() const;
    const std::string& identity() const { return identity_; }
    /// Of this process alone: the disk may have been copied to another host.
    const std::string& process() const { return process_; }
    std::uint64_t epoch() const { return epoch_; }

    void put(const Record& record, Done done);
    /// The pair has them.
    void remove(const std::vector<Key>& keys);
    /// Durable before anything is done under it.
    void saw(std::uint64_t epoch, Done done);

private:
    void write(std::string path, std::string text, Done done);
    std::string path_of(const Key& key) const;

    /// With the writer, by ticket.
    struct Write {
        std::string path;
        std::string text;
        Done done;
        std::string trouble;
    };
    durable::Writer& writer_;
    std::string folder_;
    std::map<std::uint64_t, Write> writes_;
    std::uint64_t tickets_ = 0;
    std::string identity_;
    std::string process_;
    std::uint64_t epoch_ = 0;
};

} // namespace roleswap::agent
