// How fast a copy is: before it, by the one before or a sample; and while it runs.
#include "store/copy_plan.hpp"
#include "store/managed_impl.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <fstream>

namespace roleswap::store {

namespace {

constexpr int disk_mib_min = 8;
constexpr int disk_mib_max = 64;
constexpr int line_share = 8; ///< of what is to copy an eighth: worth it, and steadier than less
constexpr int line_mib_min = 8;
constexpr int line_mib_max = 256;
constexpr int rows_per_mib = 16;
constexpr double disk_seconds_min = 0.3; ///< shorter ones measure little but the way to it
constexpr double line_seconds_max = 2;   ///< of a slow line less is enough
/// A copy tells of another one that is at most so many times as large: below, what each costs
/// whatever its size is most of it.
constexpr double larger_max = 4;

} // namespace

/// Some MiB over the line, and some to the disk.  Once for all attempts of a copy.
Task<> ManagedStore::Impl::sample_rates(CopyPlan& plan)
{
    if (!copy_sample_) {
        doing("measuring the line and the disk");
        const auto line = co_await line_rate(plan.data);
        copy_sample_ = {line, co_await disk_rate()};
    }
    plan.sample(copy_sample_->first, copy_sample_->second);
}

/// 0 where the master's store went away meanwhile.  Each question but the first asks for much, so
/// that both ends work at the same time, as they do in a copy.
Task<double> ManagedStore::Impl::line_rate(std::uint64_t data)
{
    const auto enough = static_cast<int>(
        std::clamp<std::uint64_t>((data >> 20) / line_share, line_mib_min, line_mib_max));
    const auto start = event::Loop::now();
    int mib = 0;
    try {
        for (int more = 1; mib < enough && seconds_since(start) < line_seconds_max;
             more = line_mib_min) {
            co_await ask(role_, *peer_,
                         fmt::format("select repeat('x', 65536) from generate_series(1, {})",
                                     more * rows_per_mib));
            mib += more;
        }
    } catch (const pg::Error&) {
        co_return 0;
    }
    co_return mib * 1048576.0 / seconds_since(start);
}

/// 0 where nothing can be written.
Task<double> ManagedStore::Impl::disk_rate()
{
    const auto file = layout_.sample().string();
    double rate = 0;
    for (const int mib : {disk_mib_min, disk_mib_max}) {
        std::vector<std::string> write{"/bin/dd", "if=/dev/zero",   "of=" + file,
                                       "bs=1M",   "conv=fdatasync", "count=" + std::to_string(mib)};
        const auto start = event::Loop::now();
        const auto ended = co_await server_.run(role_, std::move(write));
        const auto took = seconds_since(start);
        rate = ended.ok() ? mib * 1048576.0 / took : 0;
        if (!ended.ok() || took > disk_seconds_min) break;
    }
    std::error_code missing; // where nothing could be written
    std::filesystem::remove(file, missing);
    co_return rate;
}

/// Of the last copy on this node; they stay 0 when there was none that tells of this one.
void ManagedStore::Impl::load_copy_rates(CopyPlan& plan) const
{
    double rate = 0, check_rate = 0, bytes = 0;
    std::ifstream(layout_.file("copy-rate")) >> rate >> check_rate >> bytes;
    if (static_cast<double>(plan.data) > larger_max * bytes) return;
    plan.rate = rate;
    plan.check_rate = check_rate;
}

void ManagedStore::Impl::save_copy_rates(event::Duration begin) const
{
    const auto bytes = static_cast<double>(state_.copy_bytes_total);
    const auto check = seconds_since(copy_checks_at_.value_or(begin));
    layout_.write(layout_.file("copy-rate"),
                  fmt::format("{:.0f} {:.0f} {:.0f}\n",
                              bytes / std::max(seconds_since(begin), 0.001),
                              bytes / std::max(check, 0.001), bytes),
                  0600);
}

/// Since the first byte; until there is one, that of the last copy.
void ManagedStore::Impl::look_at_rate()
{
    const auto now = event::Loop::now();
    if (!copy_first_) copy_first_ = {now, state_.copy_bytes};
    const auto seconds = seconds_since(copy_first_->at);
    const auto bytes = static_cast<double>(state_.copy_bytes - copy_first_->bytes);
    state_.copy_rate = copy_plan_.rate_after(bytes, seconds);
    copy_seen_at_ = now;
}

double ManagedStore::Impl::copy_seconds_left() const
{
    if (!copy_first_) return 0;
    // The program tells of its progress once a second; meanwhile it goes on.
    const auto more = state_.copy_rate * seconds_since(copy_seen_at_);
    const auto done = std::min(static_cast<double>(state_.copy_bytes) + more,
                               static_cast<double>(state_.copy_bytes_total));
    CopyProgress progress{.done = static_cast<std::uint64_t>(done),
                          .total = state_.copy_bytes_total,
                          .rate = state_.copy_rate,
                          .check_rate = copy_plan_.check_rate};
    if (copy_checks_at_) progress.checked_for = seconds_since(*copy_checks_at_);
    return progress.seconds_left();
}

} // namespace roleswap::store
