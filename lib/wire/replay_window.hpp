#pragma once
#include <bitset>
#include <cstdint>

namespace roleswap::wire {

/// Which sequence numbers were seen, as in RFC 4303, section 3.4.3, over the newest `size` numbers.
class ReplayWindow {
public:
    enum class Verdict : std::uint8_t {
        fresh,   ///< not seen before; now it is
        seen,    ///< a second time
        too_old, ///< below the window or the start: cannot be told, so not to be taken
    };
    static constexpr std::uint64_t size = 4096;

    /// Nothing below `sequence` will be fresh; `sequence` itself will.
    void start_at(std::uint64_t sequence);
    [[nodiscard]] Verdict accept(std::uint64_t sequence);

private:
    std::uint64_t start_ = 1;
    std::uint64_t newest_ = 0;
    std::bitset<size> seen_;
};

} // namespace roleswap::wire
