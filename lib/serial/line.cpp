#include "serial/line.hpp"
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <libserialport.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>

namespace roleswap::serial {
namespace {

/// Slaves of Unix98 pseudo-terminals (Documentation/admin-guide/devices.txt of the kernel).
bool is_pseudo_terminal(const std::string& path)
{
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISCHR(info.st_mode)) return false;
    return major(info.st_rdev) >= 136 && major(info.st_rdev) <= 143;
}

void check(sp_return result, const std::string& path, std::string_view what)
{
    if (result == SP_OK) return;
    const bool system = result == SP_ERR_FAIL && sp_last_error_code() != 0;
    const int error = system ? sp_last_error_code() : result == SP_ERR_MEM ? ENOMEM : EINVAL;
    throw std::system_error(error, std::generic_category(), fmt::format("{} {}", what, path));
}

sp_parity parity_of(Parity parity)
{
    switch (parity) {
    case Parity::none:
        return SP_PARITY_NONE;
    case Parity::odd:
        return SP_PARITY_ODD;
    case Parity::even:
        return SP_PARITY_EVEN;
    }
    return SP_PARITY_NONE;
}

} // namespace

std::string_view to_string(Parity parity)
{
    switch (parity) {
    case Parity::none:
        return "none";
    case Parity::odd:
        return "odd";
    case Parity::even:
        return "even";
    }
    return "none";
}

void ClosePort::operator()(sp_port* port) const noexcept
{
    sp_close(port);
    sp_free_port(port);
}

Line::Line(const std::string& path, const Settings& settings)
{
    if (is_pseudo_terminal(path))
        open_terminal(path);
    else
        open_port(path, settings);
    ::tcflush(fd_, TCIOFLUSH);
}

void Line::open_terminal(const std::string& path)
{
    terminal_ = event::UniqueFd(event::check(
        ::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), "open " + path));
    fd_ = terminal_.get();
    termios terminal{};
    event::check(::tcgetattr(fd_, &terminal), "read the settings of " + path);
    ::cfmakeraw(&terminal);
    event::check(::tcsetattr(fd_, TCSANOW, &terminal), "set up " + path);
}

void Line::open_port(const std::string& path, const Settings& settings)
{
    sp_port* port = nullptr;
    check(sp_get_port_by_name(path.c_str(), &port), path, "find serial port");
    port_.reset(port);
    check(sp_open(port, SP_MODE_READ_WRITE), path, "open serial port");
    check(sp_set_baudrate(port, static_cast<int>(settings.baud)), path,
          fmt::format("set {} baud on", settings.baud));
    check(sp_set_bits(port, static_cast<int>(settings.data_bits)), path, "set data bits on");
    check(sp_set_parity(port, parity_of(settings.parity)), path, "set parity on");
    check(sp_set_stopbits(port, static_cast<int>(settings.stop_bits)), path, "set stop bits on");
    check(sp_set_flowcontrol(port, SP_FLOWCONTROL_NONE), path, "set no flow control on");
    check(sp_get_port_handle(port, &fd_), path, "get the descriptor of");
}

bool Line::hung_up() const
{
    pollfd port{fd_, 0, 0};
    return ::poll(&port, 1, 0) > 0 && (port.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

std::size_t Line::read(std::span<std::uint8_t> buffer)
{
    const auto got = ::read(fd_, buffer.data(), buffer.size());
    if (got > 0) return static_cast<std::size_t>(got);
    // A port without a byte says 0 (VMIN = 0) or EAGAIN, one that is gone says 0, EIO or ENXIO.
    const bool empty = got == 0 || errno == EAGAIN || errno == EINTR;
    gone_ = !empty || hung_up();
    return 0;
}

int Line::write(std::span<const std::uint8_t> bytes)
{
    const auto sent = ::write(fd_, bytes.data(), bytes.size());
    if (sent == static_cast<ssize_t>(bytes.size())) return 0;
    if (sent < 0) return errno;
    ::tcflush(fd_, TCOFLUSH); // half a message is none
    return EAGAIN;
}

std::size_t Line::unsent() const
{
    int bytes = 0;
    return ::ioctl(fd_, TIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

void Line::discard_input()
{
    ::tcflush(fd_, TCIFLUSH);
}

} // namespace roleswap::serial
