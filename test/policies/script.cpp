#include "script.hpp"
#include <random>

namespace roleswap::test {
namespace {

/// The same on both sides, whatever the order of the questions.
unsigned dice(unsigned seed, int due, int attempt, unsigned sides)
{
    std::mt19937 random(seed * 7919U + static_cast<unsigned>(due) * 31U +
                        static_cast<unsigned>(attempt));
    return random() % sides;
}

} // namespace

int Script::length(int due, int attempt) const
{
    constexpr int lengths[] = {1, 3, 8, 12, 26};
    return lengths[dice(seed, due, attempt, 5)];
}

bool Script::fails(int due, int attempt) const
{
    return dice(seed + 1000, due, attempt, 3) == 0;
}

Script make_script(unsigned seed)
{
    std::mt19937 random(seed);
    const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
    Script script{.seed = seed};
    int time = 15;
    for (int i = below(4); i > 0; --i) {
        Gap gap{.kind = static_cast<Gap::Kind>(below(3)), .from = time + below(30)};
        gap.until = gap.from + 1 + below(below(2) == 0 ? 5 : 60);
        script.gaps.push_back(gap);
        time = gap.until + 40; // a swap may take longer, for what runs
    }
    return script;
}

} // namespace roleswap::test
