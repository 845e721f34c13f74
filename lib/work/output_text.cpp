#include "work/output_text.hpp"
#include "work/runner.hpp"
#include <algorithm>

namespace roleswap::work {
namespace {

bool is_inside(char byte) // RFC 3629, section 3
{
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// Bytes at the end that begin a character and lack its rest.
std::size_t half_character(const std::string& text)
{
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if (is_inside(static_cast<char>(byte))) continue;
        const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

} // namespace

OutputText text_of(const run::OutputPiece& piece, Stream stream)
{
    auto bytes = piece.text;
    const bool last = stream == Stream::ended && piece.from + bytes.size() == piece.bytes;
    if (!last) bytes.resize(bytes.size() - half_character(bytes));
    return {piece.from, piece.from + bytes.size(), piece.bytes, clean_text(bytes)};
}

OutputText text_of_row(const nlohmann::json& run, std::uint64_t from)
{
    const auto text = run.at("output").is_string() ? run.at("output").get<std::string>() : "";
    const auto bytes =
        run.at("output_bytes").is_number() ? run.at("output_bytes").get<std::uint64_t>() : 0;
    const auto kept = std::min<std::uint64_t>(text.size(), bytes);
    const auto begin = std::min(std::max(from, bytes - kept), bytes);
    auto at =
        text.size() - static_cast<std::size_t>(std::min<std::uint64_t>(bytes - begin, text.size()));
    if (from == 0) at = 0;
    while (at < text.size() && is_inside(text[at])) ++at;
    return {begin, bytes, bytes, text.substr(at)};
}

} // namespace roleswap::work
