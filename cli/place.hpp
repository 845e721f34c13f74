#pragma once
#include "config/config.hpp"
#include "core/types.hpp"
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace roleswap::cli {

/// A configuration and which node of it this is; what `init` and `join` write lies where it says.
struct Place {
    std::string config_path;
    config::Config config;
    core::Node self = core::Node::first;
    const config::Node& node() const { return config.nodes.at(self); }
    std::string record() const;
};

/// Throws config::Error.
Place place_of(std::string path, const std::string& text);
/// Something is at the path, a dangling link too.  Throws std::system_error.
bool there(const std::string& path);
[[noreturn]] void refuse_unchanged(const std::string& why);
/// A node that has a record, or a store, has a past that must not be overwritten.
void refuse_past(const Place& place);
void write_record(const Place& place, const core::Record& record);
nlohmann::json summary(const Place& place);

} // namespace roleswap::cli
