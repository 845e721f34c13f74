#pragma once
#include <string>
#include <vector>

namespace roleswap::work {

/// What is read from the store of a returning old master before its history is given up; the lines
/// are what the verb `history_add` takes.  "{since}" in the query: see store::Keepsake.
struct Keepsake {
    std::string kind; ///< run, operation, task
    std::string sql;
    std::string table{}; ///< stores of earlier versions have no such table, and nothing of this
};
std::vector<Keepsake> keepsakes();

} // namespace roleswap::work
