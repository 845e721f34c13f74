#include "link/address.hpp"
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdexcept>
#include <system_error>

namespace roleswap::link {
namespace {

const in_addr& host4(const sockaddr& address)
{
    return reinterpret_cast<const sockaddr_in&>(address).sin_addr;
}

const in6_addr& host6(const sockaddr& address)
{
    return reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
}

} // namespace

Address::Address(const std::string& text, std::uint16_t port) : text_(text)
{
    const auto percent = text.find('%');
    if (percent != std::string::npos && ::if_nametoindex(text.c_str() + percent + 1) == 0)
        throw std::system_error(ENODEV, std::generic_category(), "device of address " + text);
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        throw std::invalid_argument("\"" + text + "\" is not an IPv4 or IPv6 address");
    std::memcpy(&storage_, found->ai_addr, found->ai_addrlen);
    size_ = found->ai_addrlen;
    ::freeaddrinfo(found);
}

bool Address::is_loopback() const
{
    if (family() == AF_INET) return ntohl(host4(*get()).s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&host6(*get()));
}

bool Address::same_host(const sockaddr& other) const
{
    if (other.sa_family != family()) return false;
    if (family() == AF_INET) return host4(*get()).s_addr == host4(other).s_addr;
    return IN6_ARE_ADDR_EQUAL(&host6(*get()), &host6(other));
}

} // namespace roleswap::link
