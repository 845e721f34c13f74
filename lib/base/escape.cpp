#include "base/escape.hpp"
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <utility>

namespace roleswap::base {
namespace {

constexpr std::array named{std::pair{'\\', '\\'}, std::pair{'r', '\r'}, std::pair{'n', '\n'},
                           std::pair{'t', '\t'}, std::pair{'e', '\x1b'}};

std::optional<char> hexadecimal(std::string_view digits)
{
    unsigned value = 0;
    const auto* end = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), end, value, 16);
    if (digits.size() != 2 || result.ec != std::errc{} || result.ptr != end) return {};
    return static_cast<char>(value);
}

std::optional<char> by_name(char name)
{
    for (const auto& [letter, byte] : named)
        if (letter == name) return byte;
    return {};
}

} // namespace

std::optional<std::string> unescape(std::string_view text)
{
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (static_cast<unsigned char>(text[at]) >= 0x80) return {};
        if (text[at] != '\\') {
            bytes += text[at];
            continue;
        }
        if (++at == text.size()) return {};
        const bool hex = text[at] == 'x';
        const auto byte = hex ? hexadecimal(text.substr(at + 1, 2)) : by_name(text[at]);
        if (!byte) return {};
        bytes += *byte;
        if (hex) at += 2;
    }
    return bytes;
}

std::string escape(std::string_view bytes)
{
    std::string text;
    for (const char byte : bytes) {
        const auto* found = named.begin();
        while (found != named.end() && found->second != byte) ++found;
        if (found != named.end())
            text += fmt::format("\\{}", found->first);
        else if (byte >= 0x20 && byte < 0x7f)
            text += byte;
        else
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
    return text;
}

} // namespace roleswap::base
