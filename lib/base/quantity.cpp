#include "base/quantity.hpp"
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace roleswap::base {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t ms;
};
constexpr std::array<Unit, 5> units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t duration_ms_max = 10'000 * units[0].ms;

/// Takes the digits at the start of `text`; empty when there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text)
{
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
    return value;
}

std::string_view take_letters(std::string_view& text)
{
    const auto end = std::min(text.find_first_of("0123456789"), text.size());
    const auto letters = text.substr(0, end);
    text.remove_prefix(end);
    return letters;
}

} // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text)
{
    std::int64_t total = 0;
    std::size_t first_allowed = 0;
    do {
        const auto number = take_number(text);
        const auto name = take_letters(text);
        auto unit = first_allowed;
        while (unit < units.size() && units[unit].name != name) ++unit;
        if (!number || unit == units.size()) return std::nullopt;
        if (*number > static_cast<std::uint64_t>(duration_ms_max / units[unit].ms))
            return std::nullopt;
        total += static_cast<std::int64_t>(*number) * units[unit].ms;
        first_allowed = unit + 1;
    } while (!text.empty());
    if (total > duration_ms_max) return std::nullopt;
    return std::chrono::milliseconds{total};
}

std::string duration_text(std::chrono::milliseconds duration)
{
    auto rest = duration.count();
    if (rest <= 0) return "0s";
    std::string text;
    for (const auto& unit : units) {
        if (rest >= unit.ms) text += fmt::format("{}{}", rest / unit.ms, unit.name);
        rest %= unit.ms;
    }
    return text;
}

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    constexpr std::array<std::string_view, 4> names{"B", "KiB", "MiB", "GiB"};
    unsigned shift = 0;
    for (const auto name : names) {
        if (text == name || (text.empty() && shift == 0)) {
            if (*number > (std::uint64_t{1} << 62) >> shift) return std::nullopt;
            return *number << shift;
        }
        shift += 10;
    }
    return std::nullopt;
}

} // namespace roleswap::base
