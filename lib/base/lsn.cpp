#include "base/lsn.hpp"
#include <charconv>
#include <fmt/format.h>

namespace roleswap::base {
namespace {

std::optional<std::uint32_t> parse_half(std::string_view text)
{
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value, 16);
    if (text.empty() || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
    return value;
}

} // namespace

std::optional<Lsn> parse_lsn(std::string_view text)
{
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_half(text.substr(0, slash));
    const auto low = parse_half(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return Lsn{(std::uint64_t{*high} << 32) | *low};
}

std::string to_string(Lsn lsn)
{
    return fmt::format("{:X}/{:X}", lsn.bytes >> 32, lsn.bytes & 0xffffffffU);
}

std::uint64_t distance(Lsn from, Lsn to)
{
    return to.bytes > from.bytes ? to.bytes - from.bytes : 0;
}

} // namespace roleswap::base
