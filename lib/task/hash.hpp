#pragma once
#include <cstdint>
#include <string_view>

/// Numbers that look drawn and are the same on both nodes.
namespace roleswap::task {

/// FNV-1a, 64 bits.
constexpr std::uint64_t hash(std::string_view text)
{
    std::uint64_t value = 0xcbf29ce484222325U;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return value;
}

/// splitmix64 (Steele, Lea, Flood 2014): spreads neighbouring seeds.
constexpr std::uint64_t spread(std::uint64_t seed)
{
    seed += 0x9e3779b97f4a7c15U;
    seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9U;
    seed = (seed ^ seed >> 27) * 0x94d049bb133111ebU;
    return seed ^ seed >> 31;
}

} // namespace roleswap::task
