#pragma once
#include <cstdint>

namespace roleswap::task {

inline bool has_bit(std::uint64_t bits, unsigned value)
{
    return (bits >> value & 1U) != 0;
}

} // namespace roleswap::task
