#pragma once
#include "world.hpp"
#include <string_view>

namespace roleswap::explore {

/// Whether a search has to find an end of its states, or may stop at its bound.
enum class Ends : std::uint8_t { closed, bounded };

/// One search: a mode, and how many states at most.
struct Job {
    Mode mode;
    std::uint64_t states = 0;
    Ends ends = Ends::bounded;
};
/// In CI: each kind of fault once and each order once, closed but for slow things; a hand-over with
/// a cut, a crash or a freeze, late answers with a cut, the dr node, and a few with two or three
/// faults, each to a bound.  Of every sixteenth state it is shown that it settles.
std::vector<Job> ci_jobs();
/// At night: every mode with all its faults, each to a bound; every state has to settle.
std::vector<Job> nightly_jobs();
/// Leaves `mode` only these kinds of faults, by number, and so many in all.
void only(Mode& mode, std::string_view kinds, std::uint8_t faults);
/// The kinds of faults that are left, as cut+crash; none where there are none.
std::string kinds_of(const Mode& mode);
/// A mode with its bounds: NAME faults=N kinds=cut+crash sabotage=NAME.  What is not said is as the
/// mode has it.  Throws std::invalid_argument.
std::string write_mode(const Mode& mode);
Mode parse_mode(const std::string& text);
/// Which mode and faults show a planted bug at once.
Job sabotage_job(const std::string& name);

/// Every configuration of the pair that is explored, by name.
std::vector<Mode> modes();
/// Throws std::invalid_argument that lists the names.
Mode find_mode(const std::string& name);
std::vector<std::string> sabotages();
/// "none" where there is none.
std::string_view name_of(core::Settings::Sabotage which);
/// Throws std::invalid_argument that lists the names.
core::Settings::Sabotage find_sabotage(const std::string& name);

} // namespace roleswap::explore
