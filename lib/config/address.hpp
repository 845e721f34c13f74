#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

namespace roleswap::config {

/// A numeric IP address; two texts of the same address give equal values.
struct Address {
    std::uint8_t bits = 0; ///< 32 for IPv4, 128 for IPv6
    std::array<std::uint8_t, 16> bytes{};
    bool operator==(const Address&) const = default;
    bool operator<(const Address& other) const
    {
        return std::tie(bits, bytes) < std::tie(other.bits, other.bytes);
    }

    /// Names one interface: neither the unspecified address nor multicast nor broadcast.
    bool is_host() const;
};

/// Empty when the text is no IPv4 or IPv6 address in numbers.
std::optional<Address> parse_address(std::string_view text);

/// "10.0.0.0/16" or "fd00::/8".
bool is_network(std::string_view text);

} // namespace roleswap::config
