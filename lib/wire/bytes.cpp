#include "wire/bytes.hpp"

namespace roleswap::wire {

void Writer::number(std::uint64_t value, unsigned size)
{
    for (unsigned shift = size * 8; shift > 0; shift -= 8)
        out_.push_back(static_cast<std::uint8_t>(value >> (shift - 8)));
}

View Reader::raw(std::size_t size)
{
    if (!ok_ || size > rest_.size()) {
        ok_ = false;
        return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

std::uint64_t Reader::number(unsigned size)
{
    std::uint64_t value = 0;
    for (const auto byte : raw(size)) value = value << 8 | byte;
    return value;
}

} // namespace roleswap::wire
