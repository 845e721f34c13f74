#pragma once
#include "core/types.hpp"
#include <cstdint>
#include <string>

namespace roleswap::work {

/// What a task shows to change the memory of its run (ROLESWAP_TOKEN): SHA-256 in hex over the
/// secret of the store, run, attempt and epoch, so it is void after a takeover and for the next
/// attempt.  The same as roleswap.memory_token in the store.
struct TokenOf {
    std::int64_t run = 0;
    int attempt = 1;
    core::Epoch epoch = 0;
};
std::string make_token(const std::string& secret, const TokenOf& of);

/// In a time that does not tell where they differ.
bool same_token(const std::string& one, const std::string& other);

} // namespace roleswap::work
