#include "wire/transfer.hpp"
#include <algorithm>

namespace roleswap::wire {

bool FragmentSet::has(std::uint16_t index) const
{
    return index < count_ && (bits_[index / 8U] >> (index % 8U) & 1U) != 0;
}

bool FragmentSet::add(std::uint16_t index)
{
    if (index >= count_ || has(index)) return false;
    bits_[index / 8U] = static_cast<std::uint8_t>(bits_[index / 8U] | 1U << (index % 8U));
    ++added_;
    return true;
}

void FragmentSet::add_all()
{
    for (std::uint16_t index = 0; index < count_; ++index) add(index);
}

bool FragmentSet::merge(View have)
{
    bool news = false;
    const auto named = std::min<std::size_t>(count_, have.size() * 8);
    for (std::uint16_t index = 0; index < named; ++index)
        if ((have[index / 8U] >> (index % 8U) & 1U) != 0) news = add(index) || news;
    return news;
}

std::uint16_t fragment_count(std::size_t size)
{
    if (size == 0) return 1;
    return static_cast<std::uint16_t>((size + fragment_bytes - 1) / fragment_bytes);
}

View fragment_of(View message, std::uint16_t index)
{
    const auto from = std::min(message.size(), index * fragment_bytes);
    return message.subspan(from, std::min(fragment_bytes, message.size() - from));
}

Assembly::Assembly(std::uint16_t count) : have_(count), bytes_(count * fragment_bytes)
{
}

Assembly::Verdict Assembly::add(const Fragment& fragment)
{
    if (fragment.count != have_.count()) return Verdict::mismatch;
    if (!have_.add(fragment.index)) return Verdict::known;
    const auto from = fragment.index * fragment_bytes;
    std::ranges::copy(fragment.bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(from));
    if (fragment.index + 1 == fragment.count) bytes_.resize(from + fragment.bytes.size());
    return Verdict::added;
}

} // namespace roleswap::wire
