#pragma once
#include "base/lsn.hpp"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::store {

/// Where the history of another server left a timeline, from the text of its newest history file
/// (manual, "Timelines"; timeline.c): lines of timeline, switch point, reason.  Empty when it never
/// was on that timeline.
std::optional<base::Lsn> left_at(std::string_view history, std::uint32_t timeline);

/// Reads the output of `pg_waldump --rmgr=Transaction` as it comes and keeps the first of the
/// transactions that were committed.
class CommitReader {
public:
    void feed(std::string_view text);
    std::size_t commits() const { return commits_; }
    /// Of those seen; transaction numbers wrap around (manual, "Transactions and Identifiers").
    std::uint32_t first() const { return first_; }

private:
    void take(std::string_view line);
    std::string partial_;
    std::size_t commits_ = 0;
    std::uint32_t first_ = 0;
};

} // namespace roleswap::store
