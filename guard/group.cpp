#include "group.hpp"
#include "text.hpp"
#include <fcntl.h>
#include <unistd.h>

namespace roleswap::guard {
namespace {

/// Of cgroup.events.
bool is_populated(int events) noexcept
{
    constexpr char word[] = "populated ";
    char text[256] = {};
    const auto got = ::pread(events, text, sizeof text - 1, 0);
    if (got <= 0) return false; // removed: nothing can be in it
    const char* at = find(text, static_cast<std::size_t>(got), word, sizeof word - 1);
    return at != nullptr && number_at(at + sizeof word - 1) != 0;
}

} // namespace

bool Group::open(const char* folder) noexcept
{
    kill_ = ::open(Path().add(folder).add("/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC);
    events_ = ::open(Path().add(folder).add("/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC);
    if (kill_ >= 0 && events_ >= 0) return true;
    if (kill_ >= 0) ::close(kill_);
    if (events_ >= 0) ::close(events_);
    kill_ = events_ = -1;
    return false;
}

void Group::kill() const noexcept
{
    [[maybe_unused]] const auto written = ::pwrite(kill_, "1", 1, 0);
}

bool Group::populated() const noexcept
{
    return is_populated(events_);
}

void ComingGroup::kill() const noexcept
{
    if (folder_ == nullptr) return;
    const int file = ::open(Path().add(folder_).add("/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    [[maybe_unused]] const auto written = ::write(file, "1", 1);
    ::close(file);
}

bool ComingGroup::populated() const noexcept
{
    if (folder_ == nullptr) return false;
    const int file =
        ::open(Path().add(folder_).add("/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC);
    const bool found = is_populated(file);
    if (file >= 0) ::close(file);
    return found;
}

} // namespace roleswap::guard
