#include "guard/client.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/watchdog.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <unistd.h>

namespace roleswap::guard {
namespace {

std::string reason(int error)
{
    if (error == EBUSY) return "another program holds it (systemd's RuntimeWatchdogSec?)";
    if (error == ENOTTY || error == EINVAL)
        return "it is not a watchdog, or not with this time-out";
    return std::strerror(error);
}

[[noreturn]] void refuse(const std::string& path, const char* what, int error)
{
    throw std::runtime_error(fmt::format("watchdog {}: {}: {}", path, what, reason(error)));
}

} // namespace

event::UniqueFd arm_watchdog(const std::string& path, std::chrono::seconds timeout)
{
    // O_NONBLOCK: a FIFO given by mistake must not stop the daemon.
    event::UniqueFd device(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (!device) refuse(path, "cannot be opened", errno);
    int seconds = static_cast<int>(timeout.count());
    if (::ioctl(device.get(), WDIOC_SETTIMEOUT, &seconds) == 0) return device;
    const int error = errno;
    // Opening has armed a real one; the magic character takes that back.
    [[maybe_unused]] const auto written = ::write(device.get(), "V", 1);
    refuse(path, "its time-out cannot be set", error);
}

} // namespace roleswap::guard
