#include "config/store_unit.hpp"
#include <algorithm>

namespace roleswap::config {
namespace {

constexpr std::string_view prefix = "postgresql@";
constexpr std::string_view suffix = ".service";
constexpr std::size_t cluster_size_max = 64;
constexpr unsigned version_min = 14;

bool is_cluster_letter(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.';
}

} // namespace

std::optional<StoreUnit> parse_store_unit(std::string_view unit)
{
    if (!unit.starts_with(prefix) || !unit.ends_with(suffix)) return std::nullopt;
    unit.remove_prefix(prefix.size());
    if (unit.size() < suffix.size() + 4) return std::nullopt; // "15-m"
    unit.remove_suffix(suffix.size());
    const auto number = unit.substr(0, 2);
    const auto cluster = unit.substr(3);
    const bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || unit[2] != '-' || cluster.size() > cluster_size_max || cluster[0] == '.' ||
        !std::ranges::all_of(cluster, is_cluster_letter))
        return std::nullopt;
    const auto version = static_cast<unsigned>((number[0] - '0') * 10 + (number[1] - '0'));
    if (version < version_min) return std::nullopt;
    return StoreUnit{version, std::string(cluster)};
}

} // namespace roleswap::config
