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

/// ... and of queues of which enough is known, so many are looked at, since newer ones may have a
/// higher priority.
inline constexpr std::size_t window_peek = 256;

/// Asks for the first waiting runs of the queues, few of the `others`, and none of the tasks passed
/// over.
pg::Query window_query(const std::vector<std::string>& queues,
                       const std::vector<std::string>& others,
                       const std::set<std::string>& passed_over);

/// How far the store has told the ready runs of each queue, in the order of their turns.
class Told {
public:
    void note(const OpenRun& run);
    /// Whether there may be others, and behind which turn.
    void set_edge(const std::string& name, QueueEntry& queue) const;

private:
    struct Last {
        std::size_t runs = 0;
        Turn turn;
    };
    std::map<std::string, Last> last_;
};

/// As an array of text; names of tasks and queues have nothing that would need more care.
std::string array_text(const std::vector<std::string>& names);

/// One row of the answer.
OpenRun read_waiting_run(const pg::Row& row);

} // namespace roleswap::work
