#include "work/migrate.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::work {
namespace {

using OnDone = std::function<void(const std::string&)>;

void apply_from(pg::Connection& connection, int version, OnDone on_done)
{
    const auto& all = migrations();
    if (version > all.back().version)
        return on_done(fmt::format("the store has schema version {}, this program knows {}: "
                                   "install the newer package on this node",
                                   version, all.back().version));
    if (version == all.back().version) return on_done({});
    const auto& next = *std::ranges::upper_bound(all, version, {}, &Migration::version);
    // A whole script in one statement of the extended protocol, which allows only one.
    const auto script = fmt::format("DO $do$ BEGIN EXECUTE $script${}$script$; END $do$", next.sql);
    auto done = [&connection, next, on_done = std::move(on_done)](const pg::Outcome& outcome) {
        const auto why = pg::describe(outcome);
        if (!why.empty())
            return on_done(fmt::format("schema version {} ({}): {}", next.version, next.name, why));
        apply_from(connection, next.version, on_done);
    };
    connection.transaction({{.sql = script},
                            {.sql = "UPDATE roleswap.meta SET version = $1",
                             .params = {std::to_string(next.version)}}},
                           std::move(done));
}

} // namespace

void migrate(pg::Connection& connection, OnDone on_done)
{
    const auto read_version = [&connection, on_done](pg::Reply reply) {
        const auto* result = std::get_if<pg::Result>(&reply);
        if (result == nullptr) return on_done(pg::describe(reply));
        apply_from(connection, static_cast<int>((*result)[0].integer(0)), on_done);
    };
    connection.query({.sql = "SELECT to_regclass('roleswap.meta') IS NOT NULL"},
                     [&connection, on_done, read_version](pg::Reply reply) {
                         const auto* result = std::get_if<pg::Result>(&reply);
                         if (result == nullptr) return on_done(pg::describe(reply));
                         if (!(*result)[0].boolean(0)) return apply_from(connection, 0, on_done);
                         connection.query({.sql = "SELECT version FROM roleswap.meta"},
                                          read_version);
                     });
}

} // namespace roleswap::work
