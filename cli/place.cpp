#include "place.hpp"
#include "bus/error.hpp"
#include "context.hpp"
#include "durable/file.hpp"
#include "durable/record_file.hpp"
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

namespace roleswap::cli {

using nlohmann::json;

std::string Place::record() const
{
    return durable::record_path(node().data_dir);
}

Place place_of(std::string path, const std::string& text)
{
    Place place{std::move(path), {}, core::Node::first};
    place.config = config::parse(text, place.config_path);
    place.self = self_of(place.config);
    return place;
}

bool there(const std::string& path)
{
    std::error_code error;
    const auto found = std::filesystem::symlink_status(path, error);
    if (error && found.type() == std::filesystem::file_type::none)
        throw std::system_error(error, "look at " + path);
    return std::filesystem::exists(found);
}

void refuse_unchanged(const std::string& why)
{
    throw bus::Error(bus::ErrorCode::refused, why + "  Nothing was changed.");
}

void refuse_past(const Place& place)
{
    if (there(place.record()))
        refuse_unchanged(place.record() +
                         " is there already: this node was initialised or joined before.  "
                         "To start over, stop roleswapd and move " +
                         place.node().data_dir + " away.");
    if (there(place.node().data_dir + "/external/adopted"))
        refuse_unchanged(place.node().data_dir +
                         "/external tells of an external store that was part of a pair; move it "
                         "away first.");
    if (there(place.node().data_dir + "/store"))
        refuse_unchanged(place.node().data_dir +
                         "/store holds a store already; move it away first.");
}

void write_record(const Place& place, const core::Record& record)
{
    durable::make_folders(place.node().data_dir, 0755);
    durable::save_record(place.record(), {record, durable::boots_of_new_record()});
}

json summary(const Place& place)
{
    return {{"pair", place.config.pair.name},
            {"node", place.node().name},
            {"config", place.config_path},
            {"key_file", place.config.pair.key_file},
            {"data_dir", place.node().data_dir},
            {"needs_node_name", !known_by_host_name(place.config, place.self)}};
}

} // namespace roleswap::cli
