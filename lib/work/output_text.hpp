#pragma once
#include "run/output.hpp"
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace roleswap::work {

/// Of a piece of output: one answer, escaped as JSON, has to go over the links.
inline constexpr std::size_t output_piece_max = std::size_t{64} * 1024;

/// Output as it is shown: valid UTF-8.
struct OutputText {
    std::uint64_t from = 0;
    std::uint64_t next = 0;  ///< the byte after it
    std::uint64_t bytes = 0; ///< of the whole output
    std::string text{};
};

/// Whether more may come.  Then a character that has come half stays for the next piece.
enum class Stream : std::uint8_t { goes_on, ended };
OutputText text_of(const run::OutputPiece& piece, Stream stream);

/// From `output` and `output_bytes` of the row of an ended run, whose text was made valid: where
/// that changed its length, the first byte is known only about.
OutputText text_of_row(const nlohmann::json& run, std::uint64_t from);

} // namespace roleswap::work
