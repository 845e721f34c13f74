#pragma once
#include <cstdint>

namespace roleswap::sim {

/// The only source of chance in a simulated world (splitmix64, Steele et al. 2014): the same seed
/// gives the same world on every machine and compiler.
class Rng {
public:
    explicit Rng(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next()
    {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    /// 0 to limit - 1; limit is at least 1.
    std::uint64_t below(std::uint64_t limit) { return next() % limit; }
    /// Both ends included.
    std::uint64_t between(std::uint64_t low, std::uint64_t high)
    {
        return low + below(high - low + 1);
    }
    bool chance(std::uint64_t permille) { return below(1000) < permille; }

private:
    std::uint64_t state_;
};

} // namespace roleswap::sim
