#pragma once
#include "pg/connection.hpp"
#include "work/model.hpp"
#include <set>
#include <string>
#include <vector>

namespace roleswap::work {

/// Of each queue so many waiting runs are in memory at most, however many wait in the store ...
inline constexpr std::size_t window_runs = 8000;
/// ... they are filled up when fewer are left than this ...
inline constexpr std::size_t window_low = 2000;
/// ... and of one task whose runs do not overlap, so many: they leave one by one.
inline constexpr std::size_t window_runs_of_task = 64;

/// Asks for the first waiting runs of the queues, but for those of the tasks passed over.
pg::Query window_query(const std::vector<std::string>& queues,
                       const std::set<std::string>& passed_over);

/// One row of the answer.
OpenRun read_waiting_run(const pg::Row& row);

} // namespace roleswap::work
