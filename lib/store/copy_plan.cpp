#include "store/copy_plan.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::store {
namespace {

/// A slow disk and a 1 Gbit/s line do better; the time only scales the reserve for the log.
constexpr double careful_rate = 20e6;
/// A check reads what a copy has read, sent and written.
constexpr double check_to_copy_rate = 6;
constexpr double share_of_before = 0.25; ///< as if so much had been copied at the rate of before
constexpr std::uint64_t own_log = 64ULL << 20; ///< min_wal_size of cluster_files.cpp

std::string mib(std::uint64_t bytes)
{
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

} // namespace

void CopyPlan::sample(double line, double disk)
{
    if (line <= 0 || disk <= 0) return;
    sampled = rate <= 0;
    line_rate = line;
    disk_rate = disk;
    const double seconds = 1 / line + 1 / disk;
    rate = sampled ? 1 / seconds : 2 / (seconds + 1 / rate);
}

double CopyPlan::seconds() const
{
    return static_cast<double>(data) / (rate > 0 ? rate : careful_rate);
}

double CopyPlan::rate_after(double bytes, double seconds) const
{
    const bool measured = seconds > 0.5 && bytes > 0;
    if (sampled || rate <= 0) return measured ? bytes / seconds : rate;
    const double copied = check_rate > rate ? 1 / (1 / rate - 1 / check_rate) : rate;
    const double before = static_cast<double>(data) * share_of_before;
    return (bytes + before) / (seconds + before / copied);
}

std::uint64_t CopyPlan::log() const
{
    return own_log + static_cast<std::uint64_t>(2 * wal_rate * seconds());
}

std::string CopyPlan::estimate() const
{
    if (rate <= 0) return fmt::format("{} to copy; how fast is not known yet", mib(data));
    const auto each = [](double bytes) { return mib(static_cast<std::uint64_t>(bytes)); };
    return fmt::format("{} to copy, about {:.0f} s at the {}/s of {}", mib(data), seconds(),
                       each(rate),
                       disk_rate <= 0 ? "the last copy"
                                      : fmt::format("{}a short sample: line {}/s, disk {}/s",
                                                    sampled ? "" : "the last copy and ",
                                                    each(line_rate), each(disk_rate)));
}

std::string CopyPlan::refusal(std::uint64_t free, const std::string& folder) const
{
    return fmt::format("a full copy needs {} ({} of data, {} for the log meanwhile; the old copy "
                       "stays until the new one is checked), {} has {} free: make room, it is "
                       "tried again by itself",
                       mib(needed()), mib(data), mib(log()), folder, mib(free));
}

double CopyProgress::seconds_left() const
{
    if (rate <= 0) return 0;
    const double checks = check_rate > 0 ? check_rate : check_to_copy_rate * rate;
    const double check = static_cast<double>(total) / checks;
    if (checked_for) return std::max(0.0, check - *checked_for);
    return static_cast<double>(total - done) / rate + check;
}

} // namespace roleswap::store
