#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::base {

/// A position in PostgreSQL's write-ahead log, in bytes.  Text form "16/B374D848" (PostgreSQL
/// documentation, pg_lsn type).  Zero means "not known".
struct Lsn {
    std::uint64_t bytes = 0;
    auto operator<=>(const Lsn&) const = default;
};

/// Empty when the text is not two hexadecimal numbers of at most 32 bits with one slash.
std::optional<Lsn> parse_lsn(std::string_view text);
std::string to_string(Lsn lsn);

/// Bytes from `from` to `to`; zero where `to` is not ahead.
std::uint64_t distance(Lsn from, Lsn to);

} // namespace roleswap::base
