#include "text.hpp"
#include "base/time_text.hpp"
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace roleswap::cli {
namespace {

bool continues(char byte)
{
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Optimal string alignment distance: insert, delete, replace, swap of neighbours.
std::size_t edits(std::string_view from, std::string_view to)
{
    std::vector<std::vector<std::size_t>> cost(from.size() + 1,
                                               std::vector<std::size_t>(to.size() + 1));
    for (std::size_t row = 0; row <= from.size(); ++row) {
        for (std::size_t col = 0; col <= to.size(); ++col) {
            auto& here = cost[row][col];
            here = row + col;
            if (row == 0 || col == 0) continue;
            const std::size_t other = from[row - 1] == to[col - 1] ? 0 : 1;
            here = std::min(
                {cost[row - 1][col] + 1, cost[row][col - 1] + 1, cost[row - 1][col - 1] + other});
            if (row > 1 && col > 1 && from[row - 1] == to[col - 2] && from[row - 2] == to[col - 1])
                here = std::min(here, cost[row - 2][col - 2] + 1);
        }
    }
    return cost.back().back();
}

} // namespace

Style detect_style()
{
    Style style;
    style.terminal = isatty(STDOUT_FILENO) == 1;
    const char* none = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    style.colour = style.terminal && !(none && *none) && term && std::string_view(term) != "dumb";
    winsize size{};
    if (style.terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
        style.width = size.ws_col;
    unsigned wanted = 0;
    if (const char* text = std::getenv("COLUMNS"))
        std::from_chars(text, text + std::strlen(text), wanted);
    if (wanted >= 40) style.width = wanted;
    style.table_width = style.terminal || wanted >= 40 ? style.width : 0;
    return style;
}

std::string paint(const Style& style, Paint paint, std::string_view text)
{
    static constexpr const char* codes[] = {"", "32", "31", "33", "2", "1"};
    if (!style.colour || paint == Paint::plain || text.empty()) return std::string(text);
    return "\033[" + std::string(codes[static_cast<std::size_t>(paint)]) + "m" + std::string(text) +
           "\033[0m";
}

std::size_t columns(std::string_view text)
{
    return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

std::string shorten(std::string_view text, std::size_t width)
{
    if (columns(text) <= width) return std::string(text);
    if (width == 0) return {};
    std::size_t bytes = 0;
    for (std::size_t used = 0; bytes < text.size(); ++bytes)
        if (!continues(text[bytes]) && ++used == width) break;
    return std::string(text.substr(0, bytes)) + "…";
}

std::string printable(std::string_view text, Lines lines)
{
    std::string safe;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        const bool line = lines == Lines::keep && (byte == '\n' || byte == '\t');
        // C1 control characters (U+0080 to U+009F) steer terminals too.
        const bool c1 =
            byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
        if (c1) ++at;
        if (c1 || ((byte < 0x20 || byte == 0x7F) && !line))
            safe += byte == '\n' || byte == '\t' ? ' ' : '?';
        else
            safe += text[at];
    }
    return safe;
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent)
{
    std::string lines;
    std::size_t used = width;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty()) continue;
        const bool fits = used + 1 + columns(word) <= width;
        if (!fits && !lines.empty()) lines += '\n';
        lines += fits ? " " : std::string(indent, ' ');
        lines += word;
        used = (fits ? used + 1 : indent) + columns(word);
    }
    return lines;
}

std::optional<WallTime> parse_time(std::string_view text)
{
    const std::string copy(text);
    std::tm parts{};
    unsigned millis = 0;
    int read = 0;
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                    &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &read) != 6)
        return std::nullopt;
    std::string_view rest = text.substr(static_cast<std::size_t>(read));
    if (rest.size() == 5 && rest[0] == '.' && rest[4] == 'Z')
        for (const char digit : rest.substr(1, 3)) {
            if (digit < '0' || digit > '9') return std::nullopt;
            millis = millis * 10 + static_cast<unsigned>(digit - '0');
        }
    else if (rest != "Z")
        return std::nullopt;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    std::tm made = parts; // of 30 February timegm makes a day in March
    const auto seconds = timegm(&made);
    if (made.tm_mon != parts.tm_mon || made.tm_mday != parts.tm_mday ||
        made.tm_hour != parts.tm_hour || made.tm_min != parts.tm_min || made.tm_sec != parts.tm_sec)
        return std::nullopt;
    return WallTime(std::chrono::seconds(seconds) + std::chrono::milliseconds(millis));
}

std::string span_text(std::string_view from, std::string_view to)
{
    const auto begin = parse_time(from);
    const auto end = parse_time(to);
    if (!begin || !end) return "-";
    return base::human_duration(std::max(*end - *begin, std::chrono::milliseconds(0)));
}

std::string local_time(std::string_view text)
{
    const auto time = parse_time(text);
    if (!time) return std::string(text);
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char line[32];
    const std::size_t size = std::strftime(line, sizeof line, "%Y-%m-%d %H:%M:%S", &parts);
    return {line, size};
}

std::string_view nearest(std::string_view word, const std::string_view* words, std::size_t count)
{
    std::string_view best;
    std::size_t best_cost = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (std::size_t index = 0; index < count; ++index) {
        const bool begins = word.size() >= 2 && words[index].starts_with(word);
        const std::size_t cost = begins ? 1 : edits(word, words[index]);
        if (cost < best_cost && cost < words[index].size()) {
            best = words[index];
            best_cost = cost;
        }
    }
    return best;
}

} // namespace roleswap::cli
