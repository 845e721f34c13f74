#pragma once
#include "place.hpp"
#include <optional>
#include <vector>

namespace roleswap::store {
struct External;
struct Fault;
} // namespace roleswap::store

namespace roleswap::cli {

/// The cluster of this node where it is one of the distribution's; throws std::runtime_error where
/// it is not there.
std::optional<store::External> external_of(const Place& place);
/// What is wrong with it; `checksums` as in store::faults_of.
enum class Checksums : std::uint8_t { look, any };
std::vector<store::Fault> external_faults(const Place& place, Checksums checksums);

/// Throws a refusal where the store of this node cannot be what the configuration says.  `init`
/// keeps the data of the cluster, `join` replaces it.
void refuse_store_for_init(const Place& place);
enum class Replace : std::uint8_t { fresh_only, any };
void refuse_store_for_join(const Place& place, Replace replace);
/// After that: roleswapd may take it.
void allow_store_for_init(const Place& place);
void allow_store_for_join(const Place& place, Replace replace);

} // namespace roleswap::cli
