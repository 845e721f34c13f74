#pragma once
#include "task/policy.hpp"
#include <map>
#include <string>
#include <vector>

/// One task, due every 10 seconds, through a script of crashes, swaps and stops; second by second.
/// What becomes of it is worked out twice: by the product's own pure code (subject.cpp) and by an
/// independent reading of the manual (reference.cpp).
namespace roleswap::test {

struct Gap {
    enum class Kind {
        crash, ///< the master dies at `from`, the next one begins at `until`
        swap,  ///< nothing starts from `from` on; the next one begins at `until`, when nothing runs
        stop,  ///< the scheduler is stopped in between; what waits may start
    };
    Kind kind = Kind::crash;
    int from = 0;
    int until = 0;
};

struct Script {
    unsigned seed = 0;
    std::vector<Gap> gaps; ///< in order, apart from each other
    int end = 260;
    /// How long this attempt would take, and whether it would fail then.
    int length(int due, int attempt) const;
    bool fails(int due, int attempt) const;
};
Script make_script(unsigned seed);

/// What the table test crosses.
struct Policies {
    task::CatchUp catch_up = task::CatchUp::last;
    task::Overlap overlap = task::Overlap::skip;
    int retries = 0;
    int timeout = 0; ///< seconds; 0: none
    task::OnSwap on_swap = task::OnSwap::wait;
    task::AfterCrash after_crash = task::AfterCrash::rerun;
    int hold_after = 0; ///< seconds; 0: never
};
inline constexpr int period = 10;
inline constexpr int retry_delay = 7;
inline constexpr int late_limit = 4;
inline constexpr int catch_up_limit = 3;

/// What became of a due time.
struct Fate {
    std::string state; ///< as in roleswap run list
    std::vector<int> starts;
    bool operator==(const Fate&) const = default;
};
using Fates = std::map<int, Fate>; ///< by due time, in seconds from the beginning

Fates by_product(const Policies& policies, const Script& script);
Fates by_manual(const Policies& policies, const Script& script);

} // namespace roleswap::test
