#include "external_store.hpp"
#include "store/external.hpp"
#include <fmt/format.h>

namespace roleswap::cli {
namespace {

/// What only this program says: an external cluster that is not there changes nothing either.
std::optional<store::External> external_or_refusal(const Place& place)
{
    try {
        return external_of(place);
    } catch (const std::runtime_error& error) {
        refuse_unchanged(std::string(error.what()) + ".");
    }
}

void refuse_faults(const Place& place, Checksums checksums)
{
    for (const auto& fault : external_faults(place, checksums))
        if (fault.fatal)
            refuse_unchanged(place.node().store_unit + ": " + store::describe(fault) + ".");
}

} // namespace

std::optional<store::External> external_of(const Place& place)
{
    if (place.node().store != config::Node::Store::external) return {};
    return store::find_external(place.node().store_unit);
}

std::vector<store::Fault> external_faults(const Place& place, Checksums checksums)
{
    const auto external = external_of(place);
    if (!external) return {};
    const bool look = checksums == Checksums::look;
    return store::faults_of(*external, place.node().store_port,
                            look ? store::checksums_of(*external) : -1);
}

void refuse_store_for_init(const Place& place)
{
    const auto external = external_or_refusal(place);
    if (!external) return;
    if (!there((external->data / "PG_VERSION").string()))
        refuse_unchanged(fmt::format("{}: {} holds no cluster; make one with pg_createcluster.",
                                     external->unit, external->data.string()));
    refuse_faults(place, Checksums::look);
}

void refuse_store_for_join(const Place& place, Replace replace)
{
    const auto external = external_or_refusal(place);
    if (!external) return;
    refuse_faults(place, Checksums::any);
    if (replace == Replace::any || store::is_fresh(external->data)) return;
    refuse_unchanged(fmt::format(
        "{}: {} holds databases of its own; as the mirror of the other node it would hold that "
        "one's instead.  Say --replace-data to give them up (they stay beside it until the copy is "
        "checked and streams), or make a new cluster.",
        external->unit, external->data.string()));
}

void allow_store_for_init(const Place& place)
{
    if (const auto external = external_of(place))
        store::allow_external(place.node().data_dir, *external);
}

void allow_store_for_join(const Place& place, Replace replace)
{
    const auto external = external_of(place);
    if (external && replace == Replace::any)
        store::allow_replacing(place.node().data_dir, *external);
}

} // namespace roleswap::cli
