#include "search.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <random>

/// Random walks with the world as it is beside the world as it is packed: what follows from both
/// must be the same, else a field is missing or told apart wrongly.
namespace roleswap::explore {

std::string same(const Mode& mode, std::uint64_t seed, unsigned steps)
{
    std::mt19937_64 random(seed);
    World real = initial(mode);
    std::vector<std::string> path;
    for (unsigned i = 0; i < steps; ++i) {
        bool turned = false;
        World packed = unpack(mode, pack(real, &turned));
        const auto list = actions(mode, real);
        // Faults are rarer than what happens anyway.
        Action action = list[random() % list.size()];
        if (fault_of(action) && random() % 20 != 0) action = list[random() % list.size()];
        Seen seen_real, seen_packed;
        apply(mode, real, action, seen_real);
        apply(mode, packed, turned ? swapped(action) : action, seen_packed);
        path.push_back(describe(action));
        if (pack(real) == pack(packed) && seen_real.violation == seen_packed.violation) continue;
        std::string text =
            fmt::format("seed {}: after {} steps the packed world differs ({} / {})\n", seed, i + 1,
                        seen_real.violation, seen_packed.violation);
        for (const auto& line : path) text += line + "\n";
        text += fmt::format("{}\n{}\n", fmt::join(pack(real), " "), fmt::join(pack(packed), " "));
        return text;
    }
    return {};
}

} // namespace roleswap::explore
