#include "link/loss_meter.hpp"
#include <algorithm>

namespace roleswap::link {
namespace {

std::int64_t second_of(Duration now)
{
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

} // namespace

void LossMeter::arrived(std::uint32_t number, Duration now)
{
    const auto second = second_of(now);
    auto& slot = ring_[static_cast<std::size_t>(second) % seconds];
    if (slot.number != second) slot = {second, 0, 0};
    slot.received += 1;
    const auto ahead = highest_ ? static_cast<std::int32_t>(number - *highest_) : 1;
    if (ahead <= 0) return;
    slot.expected += static_cast<std::uint64_t>(ahead);
    highest_ = number;
}

double LossMeter::rate(Duration now) const
{
    std::uint64_t expected = 0;
    std::uint64_t received = 0;
    const auto oldest = second_of(now) - static_cast<std::int64_t>(seconds);
    for (const auto& slot : ring_) {
        if (slot.number <= oldest) continue;
        expected += slot.expected;
        received += slot.received;
    }
    if (expected == 0 || received >= expected) return 0;
    return 1.0 - static_cast<double>(received) / static_cast<double>(expected);
}

} // namespace roleswap::link
