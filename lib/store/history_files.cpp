#include "store/history_files.hpp"
#include "event/fd.hpp"
#include <algorithm>
#include <ctime>

namespace roleswap::store {
namespace {

/// Two changes within one tick of the kernel's clock (10 ms at most) have the same time: a folder
/// that has just changed may change again without a trace.
constexpr std::int64_t settled_after_ns = 100'000'000;

std::int64_t nanoseconds(const timespec& time)
{
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

} // namespace

HistoryFiles::Stamp HistoryFiles::stamp() const
{
    struct stat info {};
    event::check(::stat(folder_.c_str(), &info), "look at " + folder_.string());
    return {info.st_dev, info.st_ino, nanoseconds(info.st_mtim)};
}

std::uint32_t HistoryFiles::read() const
{
    std::uint32_t newest = 1;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
        if (entry.path().extension() != ".history") continue;
        const auto timeline = std::stoul(entry.path().stem().string(), nullptr, 16);
        newest = std::max(newest, static_cast<std::uint32_t>(timeline));
    }
    return newest;
}

std::uint32_t HistoryFiles::newest()
{
    const auto now = stamp(); // before the reading: what changes meanwhile is read next time
    if (seen_ == now) return newest_;
    timespec clock{};
    ::clock_gettime(CLOCK_REALTIME, &clock);
    const auto age = nanoseconds(clock) - now.changed_ns;
    ++readings_;
    newest_ = read();
    seen_ = age > settled_after_ns ? std::optional(now) : std::nullopt;
    return newest_;
}

} // namespace roleswap::store
