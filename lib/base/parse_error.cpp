#include "base/parse_error.hpp"
#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace roleswap::base {

std::string with_visible_nulls(std::string text)
{
    constexpr std::string_view shown = "\\u0000";
    for (auto at = text.find('\0'); at != std::string::npos;
         at = text.find('\0', at + shown.size()))
        text.replace(at, 1, shown);
    return text;
}

ParseError::ParseError(Place place, std::string message)
    : std::runtime_error(with_visible_nulls(
          fmt::format("{}:{}:{}: {}", place.path, place.line, place.column, message))),
      place_(std::move(place)), message_(std::move(message))
{
}

} // namespace roleswap::base
