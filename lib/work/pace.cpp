#include "work/pace.hpp"
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using namespace std::chrono_literals;
constexpr std::uint32_t runs_max = 60'000;
constexpr std::size_t together_max = 2000; ///< in one commit, where there is no limit
constexpr Pace::Time tick = 100ms;

double per_microsecond(const Rate& rate)
{
    const Pace::Time per = rate.per;
    return static_cast<double>(rate.runs) / static_cast<double>(per.count());
}

} // namespace

std::optional<Rate> parse_rate(std::string_view text)
{
    if (text == "none") return Rate{.runs = 0};
    Rate rate;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, rate.runs);
    if (read.ec != std::errc{} || rate.runs < 1 || rate.runs > runs_max) return {};
    const std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
    if (unit != "/s" && unit != "/m") return {};
    rate.per = unit == "/s" ? 1s : 60s;
    return rate;
}

std::string to_string(const Rate& rate)
{
    return rate.runs == 0 ? "none" : fmt::format("{}/{}", rate.runs, rate.per == 1s ? "s" : "m");
}

void Pace::begin(const Rate& rate)
{
    rate_ = rate;
    credit_ = 1;
    last_.reset();
}

std::size_t Pace::take(Time now)
{
    if (rate_.runs == 0) return together_max;
    const auto passed = static_cast<double>((now - last_.value_or(now)).count());
    last_ = now;
    // What is left of one run, and what one tick brings.
    const auto most = 1.0 + static_cast<double>(tick.count()) * per_microsecond(rate_);
    credit_ = std::min(credit_ + passed * per_microsecond(rate_), most);
    const auto runs = static_cast<std::size_t>(credit_);
    credit_ -= static_cast<double>(runs);
    return runs;
}

Pace::Time Pace::wait() const
{
    if (rate_.runs == 0) return Time(0);
    const auto missing = (1.0 - credit_) / per_microsecond(rate_);
    return std::max(tick, Time(static_cast<std::int64_t>(missing) + 1));
}

} // namespace roleswap::work
