#include "task/zone.hpp"
#include "task/error.hpp"
#include <date/tz.h>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

/// Looked up once: it costs several system calls, and thousands of tasks ask for it.
const date::time_zone* system_zone()
{
    static const date::time_zone* const zone = date::current_zone();
    return zone;
}

} // namespace

Zone Zone::named(std::string_view name)
{
    Zone zone;
    if (name == "UTC") return zone;
    try {
        zone.zone_ = name.empty() ? system_zone() : date::locate_zone(name);
    } catch (const std::runtime_error&) {
        // Without a usable /etc/localtime the system runs in UTC (tzset(3)), and so do tasks.
        if (name.empty()) return zone;
        throw Error(1, fmt::format("time zone \"{}\"", name),
                    "an IANA name such as \"Europe/Berlin\", or \"UTC\"");
    }
    return zone;
}

std::string Zone::name() const
{
    return zone_ ? zone_->name() : "UTC";
}

ZoneSegment Zone::at(Time time) const
{
    if (!zone_) return {std::chrono::seconds{0}, Time::min(), Time::max()};
    using namespace std::chrono;
    constexpr auto past = sys_days{year{-9999} / 1 / 1};
    constexpr auto future = sys_days{year{9999} / 1 / 1};
    const auto info = zone_->get_info(time);
    return {info.offset, info.begin < past ? Time::min() : info.begin,
            info.end > future ? Time::max() : info.end};
}

bool is_zone_name(std::string_view name)
{
    try {
        Zone::named(name);
    } catch (const Error&) {
        return false;
    }
    return true;
}

} // namespace roleswap::task
