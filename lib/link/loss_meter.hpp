#pragma once
#include "link/types.hpp"

namespace roleswap::link {

/// Share of the datagrams of one link that did not arrive, over the last 10 s, from the gaps in
/// their numbers.  A late one fills its gap.
class LossMeter {
public:
    void arrived(std::uint32_t number, Duration now);
    /// 0 to 1; 0 where nothing is known.
    double rate(Duration now) const;
    void reset() { *this = {}; }

private:
    struct Second {
        std::int64_t number = -1; ///< of the second on the loop's clock
        std::uint64_t expected = 0;
        std::uint64_t received = 0;
    };
    static constexpr std::size_t seconds = 10;
    std::array<Second, seconds> ring_{};
    std::optional<std::uint32_t> highest_;
};

} // namespace roleswap::link
