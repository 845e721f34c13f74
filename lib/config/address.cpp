#include "config/address.hpp"
#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <string>

namespace roleswap::config {

bool Address::is_host() const
{
    const bool unspecified = std::ranges::all_of(bytes, [](auto byte) { return byte == 0; });
    if (bits == 128) return !unspecified && bytes[0] != 0xff;
    return bytes[0] != 0 && bytes[0] < 224; // RFC 1122 3.2.1.3, RFC 5771, RFC 1112 section 4
}

std::optional<Address> parse_address(std::string_view text)
{
    const std::string terminated{text};
    if (terminated.find('\0') != std::string::npos) return std::nullopt;
    Address address;
    address.bits = text.find(':') == std::string_view::npos ? 32 : 128;
    const int family = address.bits == 32 ? AF_INET : AF_INET6;
    if (inet_pton(family, terminated.c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
}

bool is_network(std::string_view text)
{
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (slash == std::string_view::npos || !address) return false;
    unsigned prefix = 0;
    const auto* begin = text.data() + slash + 1;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(begin, end, prefix);
    return result.ec == std::errc{} && result.ptr == end && prefix <= address->bits;
}

} // namespace roleswap::config
