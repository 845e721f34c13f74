#include "bus/error.hpp"
#include <array>
#include <utility>

namespace roleswap::bus {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 7> names{{
    {ErrorCode::failed, "Failed"},
    {ErrorCode::bad_argument, "BadArgument"},
    {ErrorCode::denied, "Denied"},
    {ErrorCode::not_found, "NotFound"},
    {ErrorCode::refused, "Refused"},
    {ErrorCode::not_master, "NotMaster"},
    {ErrorCode::unreachable, "Unreachable"},
}};

} // namespace

std::string_view to_string(ErrorCode code)
{
    for (const auto& [known, name] : names)
        if (known == code) return name;
    return "Failed";
}

std::optional<ErrorCode> parse_error_code(std::string_view text)
{
    for (const auto& [code, name] : names)
        if (name == text) return code;
    return std::nullopt;
}

std::string error_name(ErrorCode code)
{
    return "org.roleswap1.Error." + std::string(to_string(code));
}

} // namespace roleswap::bus
