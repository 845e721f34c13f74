#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roleswap::cli {

/// How to write on standard output.
struct Style {
    bool colour = false;
    bool terminal = false;
    unsigned width = 80; ///< columns
    unsigned table_width =
        80; ///< columns of a table; 0: as wide as it is, for programs that read it
};

/// Of standard output: colour only on a terminal, and not with NO_COLOR (no-color.org) or
/// TERM=dumb.
Style detect_style();

enum class Paint : std::uint8_t { plain, good, bad, warn, faint, strong };
/// `text` with the escape sequences of ECMA-48 where the style has colour.
std::string paint(const Style& style, Paint paint, std::string_view text);

/// Columns of UTF-8 text, one per code point.
std::size_t columns(std::string_view text);
/// At most `width` columns; a cut text ends with "…".
std::string shorten(std::string_view text, std::size_t width);
/// What came from tasks and peers must not steer the terminal: control characters become "?",
/// except newline and tabulator where `keep_lines` says so.
enum class Lines : std::uint8_t { flatten, keep };
std::string printable(std::string_view text, Lines lines = Lines::flatten);
/// Words put into lines of `width` columns, each beginning with `indent` blanks.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
/// Reads RFC 3339 in UTC ("2026-11-22T15:04:05.678Z"); empty when it is anything else.
std::optional<WallTime> parse_time(std::string_view text);
/// "2 h 5 min": from `from` to `to`; "-" when one of the two is no time.
std::string span_text(std::string_view from, std::string_view to);
/// "2026-11-22 15:04:05" in the reader's own time zone; the text itself when it is no time.
std::string local_time(std::string_view text);

/// The word of `words` that `word` most likely means; empty when none is near.
std::string_view nearest(std::string_view word, const std::string_view* words, std::size_t count);

} // namespace roleswap::cli
