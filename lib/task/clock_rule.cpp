#include "task/clock_rule.hpp"

namespace roleswap::task {

std::chrono::seconds shift_at_begin(const Zone& zone, const ZoneSegment& segment)
{
    const std::chrono::seconds none{0};
    const auto shift = segment.offset - zone.at(segment.begin - std::chrono::seconds{1}).offset;
    return abs(shift) < clock_correction ? shift : none;
}

} // namespace roleswap::task
