#include "base/parse_error.hpp"
#include <fmt/format.h>
#include <utility>

namespace roleswap::base {

ParseError::ParseError(Place place, std::string message)
    : std::runtime_error(
          fmt::format("{}:{}:{}: {}", place.path, place.line, place.column, message)),
      place_(std::move(place)), message_(std::move(message))
{
}

} // namespace roleswap::base
