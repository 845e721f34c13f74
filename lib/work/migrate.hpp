#pragma once
#include "pg/connection.hpp"
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::work {

/// A step of the schema, from lib/work/schema, embedded at build time.
struct Migration {
    int version = 0; ///< from 1, growing; numbers may be left out
    std::string_view name;
    std::string_view sql;
};
const std::vector<Migration>& migrations();

/// Brings the schema of the store to the version of this program, each migration in a transaction
/// of its own.  `on_done` gets an empty text, or one sentence about what went wrong: the store
/// refused, or its schema is newer than this program.
void migrate(pg::Connection& connection, std::function<void(const std::string& trouble)> on_done);

} // namespace roleswap::work
