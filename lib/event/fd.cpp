#include "event/fd.hpp"
#include <cerrno>
#include <string>
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

int check(int result, std::string_view what)
{
    if (result < 0) throw std::system_error(errno, std::generic_category(), std::string(what));
    return result;
}

} // namespace roleswap::event
