#pragma once
#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace roleswap::link {

/// An IPv4 or IPv6 address with a port, from its numeric text.
class Address {
public:
    /// Throws std::invalid_argument for anything but a numeric address ("fe80::1%eth0" is one), and
    /// std::system_error (ENODEV) where the device behind % is not there.
    Address(const std::string& text, std::uint16_t port);

    int family() const { return storage_.ss_family; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t size() const { return size_; }
    const std::string& text() const { return text_; }
    bool is_loopback() const;
    /// Same family and address; the port does not count.
    bool same_host(const sockaddr& other) const;

private:
    std::string text_;
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

} // namespace roleswap::link
