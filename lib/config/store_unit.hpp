#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::config {

/// A cluster as Debian's postgresql-common names it, postgresql@15-main.service.
struct StoreUnit {
    unsigned version = 0; ///< major, 14 to 99
    std::string cluster;
    bool operator==(const StoreUnit&) const = default;
};

/// Empty when the text names no such unit.  A dash in the name of a cluster is a slash to systemd
/// (systemd.unit(5), "%I"), so there is none in it.
std::optional<StoreUnit> parse_store_unit(std::string_view unit);

} // namespace roleswap::config
