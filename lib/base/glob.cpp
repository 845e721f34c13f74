#include "base/glob.hpp"
#include <algorithm>

namespace roleswap::base {

bool is_name_pattern(std::string_view text)
{
    constexpr std::string_view more = "._-*?";
    return !text.empty() && text.size() <= 200 && std::ranges::all_of(text, [more](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               more.find(c) != std::string_view::npos;
    });
}

std::string regex_of_name_pattern(std::string_view pattern)
{
    std::string regex = "^";
    for (const char c : pattern) {
        if (c == '*')
            regex += ".*";
        else if (c == '?')
            regex += '.';
        else if (c == '.')
            regex += "[.]";
        else
            regex += c;
    }
    return regex + '$';
}

} // namespace roleswap::base
