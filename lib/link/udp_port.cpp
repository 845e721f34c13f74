#include "event/fd.hpp"
#include "link/address.hpp"
#include "link/port.hpp"
#include "link/serial_port.hpp"
#include <array>
#include <cerrno>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <system_error>

namespace roleswap::link {
namespace {

struct FreeAddresses {
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};

/// The device that carries the address; empty for loopback.  Throws std::system_error
/// (EADDRNOTAVAIL) where none does.
std::string device_of(const Address& address)
{
    ifaddrs* list = nullptr;
    event::check(::getifaddrs(&list), "list the network addresses");
    const std::unique_ptr<ifaddrs, FreeAddresses> owner(list);
    for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
        const bool loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
        if (loopback && address.is_loopback()) return {};
        if (entry->ifa_addr == nullptr || !address.same_host(*entry->ifa_addr)) continue;
        return loopback ? "" : entry->ifa_name;
    }
    throw std::system_error(EADDRNOTAVAIL, std::generic_category(),
                            "no device has the address " + address.text());
}

class UdpPort final : public Port {
public:
    explicit UdpPort(const LinkOptions& link)
        : remote_(link.remote, link.port), device_(link.device)
    {
        const Address local(link.local, link.port);
        if (local.family() != remote_.family())
            throw std::invalid_argument("link " + link.name + ": " + link.local + " and " +
                                        link.remote + " are not of the same family");
        if (device_.empty()) device_ = device_of(local);
        fd_ = event::UniqueFd(event::check(
            ::socket(local.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "make socket"));
        bind_device();
        const int on = 1;
        if (link.shared)
            event::check(::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on),
                         "share the port of " + link.local);
        event::check(::bind(fd_.get(), local.get(), local.size()), "bind to " + link.local);
        if (link.connected)
            event::check(::connect(fd_.get(), remote_.get(), remote_.size()),
                         "connect to " + link.remote);
    }

    int fd() const override { return fd_.get(); }
    std::string device() const override { return device_; }
    int send(wire::View datagram) override;
    std::optional<std::size_t> receive(std::span<std::uint8_t> buffer) override;

private:
    void bind_device();
    Address remote_;
    std::string device_;
    event::UniqueFd fd_;
};

void UdpPort::bind_device()
{
    if (device_.empty() || device_ == "lo") return;
    const int result = ::setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, device_.c_str(),
                                    static_cast<socklen_t>(device_.size()));
    if (result < 0 && errno == EPERM)
        device_.clear();
    else
        event::check(result, "bind to device " + device_);
}

int UdpPort::send(wire::View datagram)
{
    const auto sent = ::sendto(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                               remote_.get(), remote_.size());
    return sent < 0 ? errno : 0;
}

std::optional<std::size_t> UdpPort::receive(std::span<std::uint8_t> buffer)
{
    constexpr int errors_max = 8; // each read takes one kept error away (ENETDOWN, ECONNREFUSED)
    for (int error = 0; error < errors_max; ++error) {
        const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno == EAGAIN) return {};
    }
    return {};
}

} // namespace

std::unique_ptr<Port> open_port(const LinkOptions& link)
{
    if (link.is_serial()) return open_serial_port(link);
    return std::make_unique<UdpPort>(link);
}

} // namespace roleswap::link
