#pragma once
#include "pg/connection.hpp"
#include "work/writer.hpp"
#include <cstddef>
#include <optional>
#include <vector>

namespace roleswap::work {

/// Which query of a batch answers what.
struct Places {
    std::optional<std::size_t> followers;
    std::optional<std::size_t> inserted;
    std::optional<std::size_t> claimed;
    std::optional<std::size_t> given;
};

struct Plan {
    std::vector<pg::Query> queries;
    Places places;
};

/// The transaction that writes it.  Of one that was sent before, what that attempt has done is
/// found.
Plan plan_of(const Batch& batch, const Session::Who& who, bool sent_before);
Written read_written(const Places& places, const std::vector<pg::Result>& results);

} // namespace roleswap::work
