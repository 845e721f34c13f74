#include "task/zone.hpp"
#include "task/error.hpp"
#include <algorithm>
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

using namespace std::chrono;

/// The zone files of the system list the changes of each year up to this one; what comes after it
/// repeats them by a rule that the time zone library does not read.
constexpr year last_listed{2037};

/// A year up to the last listed one with the same weekdays as `wanted` from its month `begin` on.
/// Eleven years hold all seven weekdays, of 1 January as of 1 March.
year like(year wanted, month begin)
{
    auto found = last_listed;
    while (weekday{sys_days{found / begin / 1}} != weekday{sys_days{wanted / begin / 1}}) --found;
    return found;
}

/// Of a point after the listed years, by a listed one: rules name weekdays of months.  February
/// tells years apart, so a year is two parts; where they meet is no change of the clock.
ZoneSegment repeated(const date::time_zone& zone, Time time)
{
    const year_month_day date{floor<days>(time)};
    const bool early = date.month() < March;
    const auto begin = early ? January : March;
    const auto model = like(date.year(), begin);
    const Time first = sys_days{date.year() / begin / 1};
    const Time model_first = sys_days{model / begin / 1};
    const Time end = early ? Time{sys_days{date.year() / March / 1}}
                           : Time{sys_days{(date.year() + years{1}) / January / 1}};
    const auto moved = first - model_first;
    const auto info = zone.get_info(time - moved);
    const auto clamp = [&](Time change) { return std::clamp(change, model_first, end - moved); };
    return {info.offset, clamp(info.begin) + moved, clamp(info.end) + moved};
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
    constexpr auto past = sys_days{year{-9999} / 1 / 1};
    constexpr auto future = sys_days{year{9999} / 1 / 1};
    const auto info = zone_->get_info(time);
    constexpr Time listed = sys_days{(last_listed + years{1}) / January / 1};
    // Who moved the clock in the last listed year still does.
    const bool goes_on = info.end > future && info.begin >= sys_days{last_listed / January / 1};
    if (goes_on && time >= listed) return repeated(*zone_, time);
    const auto end = goes_on ? listed : info.end > future ? Time::max() : info.end;
    return {info.offset, info.begin < past ? Time::min() : info.begin, end};
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
