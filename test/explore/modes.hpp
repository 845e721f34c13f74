#pragma once
#include "world.hpp"
#include <string_view>

namespace roleswap::explore {

/// One search: a mode, and how many states at most.
struct Job {
    Mode mode;
    std::uint64_t states = 0;
};
/// In CI: each mode with each kind of fault once, closed, and a few with two.
std::vector<Job> ci_jobs();
/// At night: every mode with all its faults.
std::vector<Job> nightly_jobs();
/// Leaves `mode` only these kinds of faults, by number, and so many in all.
void only(Mode& mode, std::string_view kinds, std::uint8_t faults);
/// Which mode and faults show a planted bug at once.
Job sabotage_job(const std::string& name);

/// Every configuration of the pair that is explored, by name.
std::vector<Mode> modes();
/// Throws std::invalid_argument that lists the names.
Mode find_mode(const std::string& name);
std::vector<std::string> sabotages();

} // namespace roleswap::explore
