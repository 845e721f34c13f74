#include "field.hpp"
#include <cstdlib>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

const json& member(const json& object, std::string_view key)
{
    static const json null;
    if (!object.is_object()) return null;
    const auto found = object.find(std::string(key));
    return found == object.end() ? null : *found;
}

const json& list(const json& object, std::string_view key)
{
    static const json empty = json::array();
    const json& found = member(object, key);
    return found.is_array() ? found : empty;
}

std::string text(const json& object, std::string_view key, std::string_view fallback)
{
    const json& found = member(object, key);
    if (found.is_string()) return found.get<std::string>();
    if (found.is_number_integer()) return std::to_string(found.get<std::int64_t>());
    if (found.is_number()) return fmt::format("{}", found.get<double>());
    if (found.is_boolean()) return found.get<bool>() ? "yes" : "no";
    return std::string(fallback);
}

std::int64_t number(const json& object, std::string_view key, std::int64_t fallback)
{
    const json& found = member(object, key);
    return found.is_number() ? found.get<std::int64_t>() : fallback;
}

bool flag(const json& object, std::string_view key)
{
    const json& found = member(object, key);
    return found.is_boolean() && found.get<bool>();
}

json id_value(const std::string& id)
{
    const bool digits =
        !id.empty() && id.size() < 19 && id.find_first_not_of("0123456789") == std::string::npos;
    return digits ? json(std::stoll(id)) : json(id);
}

std::string where_invalid(const json& value)
{
    constexpr std::size_t shown_max = 80;
    try {
        (void)value.dump();
        return "";
    } catch (const json::type_error&) {
        return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, shown_max);
    }
}

void name_operation(json& args)
{
    const char* operation = std::getenv("ROLESWAP_OPERATION");
    if (operation != nullptr && *operation != '\0') args["operation"] = id_value(operation);
}

} // namespace roleswap::cli
