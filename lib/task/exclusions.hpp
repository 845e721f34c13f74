#pragma once
#include "task/zone.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roleswap::task {

/// Dates on which a task is not due: holidays.  A few numbers per date, a value to copy.
class Exclusions {
public:
    /// Each text is a date "2026-12-25", a date of every year "12-25", or a range of one of the two
    /// kinds, "2026-12-24..2026-12-31"; a yearly range may lead over the end of the year.  Throws
    /// Error.
    static Exclusions parse(const std::vector<std::string>& texts);

    bool empty() const { return dates_.empty(); }
    bool contains(std::chrono::sys_days day) const;

    /// Where the stretch of excluded dates that holds `time` ends by the clock of the zone, or
    /// where that clock is moved within it: the last second.
    Time end_of_stretch(Time time, const Zone& zone) const;

private:
    /// Days since the Unix epoch, or month * 32 + day of every year.
    struct Dates {
        std::int32_t first = 0;
        std::int32_t last = 0;
        bool yearly = false;
    };
    static Dates parse_one(std::string_view text);
    std::vector<Dates> dates_;
};

} // namespace roleswap::task
