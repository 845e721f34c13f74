#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::work {

/// How fast released runs may start.
struct Rate {
    std::uint32_t runs = 10; ///< in `per`, 1 to 60000; 0: no limit
    std::chrono::seconds per{1};
    bool operator==(const Rate&) const = default;
};
/// What `parse_rate` takes, for messages.
inline constexpr const char* rate_rule =
    "a number from 1 to 60000 by second or minute, such as \"10/s\" or \"30/m\", or \"none\"";
std::optional<Rate> parse_rate(std::string_view text);
std::string to_string(const Rate& rate);

/// Lets through what a rate allows.  What was not used is lost: it is a limit, no average.  A
/// value; times are those of one clock that only grows.
class Pace {
public:
    using Time = std::chrono::microseconds;
    /// The first may go at once.
    void begin(const Rate& rate);
    const Rate& rate() const { return rate_; }
    /// So many may go now; they count as gone.
    std::size_t take(Time now);
    /// From the last `take` until the next one may go; at least a tenth of a second, since what
    /// goes together shares a commit.
    Time wait() const;

private:
    Rate rate_;
    double credit_ = 1;        ///< of runs
    std::optional<Time> last_; ///< when it was counted
};

} // namespace roleswap::work
