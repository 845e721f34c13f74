#include "store/history_files.hpp"
#include "event/fd.hpp"
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <dirent.h>
#include <memory>
#include <string_view>

namespace roleswap::store {
namespace {

/// Two changes within one tick of the kernel's clock (10 ms at most) have the same time: a folder
/// that has just changed may change again without a trace.
constexpr std::int64_t settled_after_ns = 100'000'000;

std::int64_t nanoseconds(const timespec& time)
{
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

} // namespace

HistoryFiles::Stamp HistoryFiles::stamp() const
{
    struct stat info {};
    event::check(::stat(folder_.c_str(), &info), "look at " + folder_.string());
    return {info.st_dev, info.st_ino, nanoseconds(info.st_mtim)};
}

/// By the names alone: with segments of 1 MiB there may be a thousand, and while the master writes
/// they change several times a second.
std::uint32_t HistoryFiles::read() const
{
    const std::unique_ptr<DIR, CloseFolder> folder(::opendir(folder_.c_str()));
    event::check(folder ? 0 : -1, "read the names in " + folder_.string());
    std::uint32_t newest = 1;
    // Its null is the end only where errno stays as it was.
    for (const dirent* entry = nullptr; errno = 0, (entry = ::readdir(folder.get())) != nullptr;) {
        const std::string_view name(entry->d_name);
        if (!name.ends_with(".history")) continue;
        std::uint32_t timeline = 0;
        std::from_chars(name.data(), name.data() + name.size(), timeline, 16);
        newest = std::max(newest, timeline);
    }
    event::check(errno == 0 ? 0 : -1, "read the names in " + folder_.string());
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
