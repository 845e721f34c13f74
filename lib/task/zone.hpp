#pragma once
#include <chrono>
#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace roleswap::task {

/// Due times and all other points in time of tasks: UTC, whole seconds.
using Time = std::chrono::sys_seconds;

/// The offset from UTC that holds in [begin, end).  Time::min() and Time::max() where there is no
/// earlier or later change.
struct ZoneSegment {
    std::chrono::seconds offset{0};
    Time begin;
    Time end;
};

/// The rules of one time zone, a small value to copy.  The only place that knows the time zone
/// library; that reads the system's zone files at the first use of a zone.
class Zone {
public:
    /// UTC.
    Zone() = default;
    /// An IANA name such as "Europe/Berlin"; the empty name is the system's zone as it was
    /// at the first use.  Throws Error for an unknown name.
    static Zone named(std::string_view name);

    std::string name() const;
    ZoneSegment at(Time time) const;

private:
    const date::time_zone* zone_ = nullptr; ///< lives as long as the program; nullptr is UTC
};

/// Whether Zone::named takes the name.
bool is_zone_name(std::string_view name);

} // namespace roleswap::task
