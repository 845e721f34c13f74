#include "link/icmp.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <system_error>

namespace roleswap::link {
namespace {

constexpr std::size_t icmp_header_bytes = 8; ///< type, code, checksum, identifier, sequence

/// RFC 1071.  Needed for raw IPv4 sockets; the kernel does it for the others.
std::uint16_t checksum(wire::View bytes)
{
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at)
        sum += at % 2 == 0 ? std::uint32_t{bytes[at]} << 8 : bytes[at];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

wire::Bytes echo_request(int family, const EchoToken& token, std::uint16_t sequence)
{
    wire::Writer out;
    out.u8(family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
    out.u8(0);
    out.u16(0);
    out.u16(0x5273); // identifier; a ping socket puts its own here
    out.u16(sequence);
    out.raw(token);
    auto packet = out.take();
    if (family == AF_INET) {
        const auto sum = checksum(packet);
        packet[2] = static_cast<std::uint8_t>(sum >> 8);
        packet[3] = static_cast<std::uint8_t>(sum);
    }
    return packet;
}

/// A raw IPv4 socket delivers the IP header, too; its length is in the first byte (RFC 791).
wire::View without_ip_header(wire::View packet)
{
    if (packet.empty()) return packet;
    return packet.subspan(std::min<std::size_t>((packet[0] & 0x0fU) * 4U, packet.size()));
}

} // namespace

IcmpSocket::IcmpSocket(int family) : family_(family)
{
    const int protocol = family == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
    constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    fd_ = event::UniqueFd(::socket(family, SOCK_DGRAM | flags, protocol));
    if (fd_) return;
    raw_ = true;
    fd_ = event::UniqueFd(event::check(
        ::socket(family, SOCK_RAW | flags, protocol),
        "make an ICMP socket (allow the daemon's group in the sysctl net.ipv4.ping_group_range, "
        "or give it CAP_NET_RAW)"));
}

int IcmpSocket::send(const Address& to, const EchoToken& token, std::uint16_t sequence)
{
    const auto packet = echo_request(family_, token, sequence);
    const auto sent =
        ::sendto(fd_.get(), packet.data(), packet.size(), MSG_NOSIGNAL, to.get(), to.size());
    return sent < 0 ? errno : 0;
}

IcmpSocket::Read IcmpSocket::receive(const EchoToken& token, std::uint16_t& sequence)
{
    std::array<std::uint8_t, 512> buffer{};
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN ? Read::nothing : Read::other;
    auto packet = wire::View(buffer).first(static_cast<std::size_t>(got));
    if (raw_ && family_ == AF_INET) packet = without_ip_header(packet);
    if (packet.size() != icmp_header_bytes + token.size()) return Read::other;
    if (packet[0] != (family_ == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) return Read::other;
    if (!std::ranges::equal(packet.subspan(icmp_header_bytes), token)) return Read::other;
    sequence = static_cast<std::uint16_t>(packet[6] << 8 | packet[7]);
    return Read::echo;
}

} // namespace roleswap::link
