#pragma once
#include "modes.hpp"
#include "search.hpp"
#include <limits>

/// Searches one after another or side by side, and what is demanded of them.
namespace roleswap::explore {

/// What all searches of a run must come to, beside no violation.
struct Demand {
    std::uint64_t states = 0; ///< distinct ones, in all modes together
    /// On a machine that does nothing else.
    double seconds = std::numeric_limits<double>::infinity();
    unsigned live_sample = 16; ///< see Bounds
};

/// The file that a path to a violation goes to.
std::string script_of(const Mode& mode);

/// One search, told on the standard output.  False where an invariant does not hold, or where it
/// did not close though it had to.
bool run_job(const Job& job, const Bounds& bounds);

/// All of them, so many at a time.  False too where a row of the table was never used, a situation
/// never came, or less was seen than is demanded.
bool run_jobs(const std::vector<Job>& jobs, const Demand& demand, unsigned threads);

} // namespace roleswap::explore
