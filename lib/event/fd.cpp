#include "event/fd.hpp"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::event {

UniqueFd& UniqueFd::operator=(UniqueFd&& from) noexcept
{
    if (this == &from) return *this;
    reset();
    fd_ = from.release();
    return *this;
}

void UniqueFd::reset() noexcept
{
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

void reserve_descriptors(int count) noexcept
{
    const UniqueFd any(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit limit{};
    if (!any || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const auto last = std::min(static_cast<rlim_t>(count), limit.rlim_cur) - 1;
    const UniqueFd highest(::fcntl(any.get(), F_DUPFD_CLOEXEC, static_cast<int>(last)));
}

int check(int result, std::string_view what)
{
    if (result < 0) throw std::system_error(errno, std::generic_category(), std::string(what));
    return result;
}

} // namespace roleswap::event
