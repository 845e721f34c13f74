#include "task/crontab_line.hpp"
#include "task/error.hpp"
#include "task/hash.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace roleswap::task {
namespace {

constexpr std::string_view line_blanks = " \t\r\v\f";

void skip_blanks(std::string_view& text)
{
    text.remove_prefix(std::min(text.find_first_not_of(line_blanks), text.size()));
}

bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/// Takes a quoted string; empty when it is not closed.
std::optional<std::string> take_quoted(std::string_view& text)
{
    const auto end = text.find(text.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string inside{text.substr(1, end - 1)};
    text.remove_prefix(end + 1);
    return inside;
}

/// Empty when cron sees no name of a variable.
std::string take_name(std::string_view& text)
{
    if (!text.empty() && is_quote(text.front())) {
        const auto name = take_quoted(text).value_or("");
        return name.find('=') == std::string::npos ? name : "";
    }
    const auto end = std::min(text.find_first_of(" \t\r\v\f="), text.size());
    std::string name{text.substr(0, end)};
    text.remove_prefix(end);
    return name;
}

unsigned draw(const CronFieldKind& kind, std::string_view element, unsigned column,
              std::uint64_t seed)
{
    const auto tilde = element.find('~');
    const auto low_text = element.substr(0, tilde);
    const auto high_text = element.substr(tilde + 1);
    const auto low = low_text.empty() ? kind.low : parse_cron_value(kind, low_text, column);
    const auto high =
        high_text.empty()
            ? kind.high
            : parse_cron_value(kind, high_text, column + static_cast<unsigned>(tilde) + 1);
    if (low > high)
        throw Error(column, fmt::format("{} range \"{}\" goes backward", kind.name, element),
                    fmt::format("a range that goes up within {} to {}", kind.low, kind.high));
    return low + static_cast<unsigned>(spread(seed) % (high - low + 1));
}

} // namespace

std::optional<CrontabVariable> parse_crontab_variable(std::string_view line)
{
    auto name = take_name(line);
    if (name.empty()) return std::nullopt;
    skip_blanks(line);
    if (!line.starts_with('=')) return std::nullopt;
    line.remove_prefix(1);
    skip_blanks(line);
    if (line.empty()) return std::nullopt;
    if (!is_quote(line.front())) {
        const auto end = line.find_last_not_of(line_blanks);
        return CrontabVariable{std::move(name), std::string{line.substr(0, end + 1)}};
    }
    auto value = take_quoted(line);
    skip_blanks(line);
    if (!value || !line.empty()) return std::nullopt;
    return CrontabVariable{std::move(name), std::move(*value)};
}

CrontabCommand split_crontab_command(std::string_view text)
{
    CrontabCommand result;
    auto* out = &result.command;
    bool escaped = false;
    for (const char c : text) {
        const bool separates = c == '%';
        if (c == '%' && escaped)
            out->back() = '%';
        else if (!separates)
            *out += c;
        else if (out == &result.command)
            out = &result.input;
        else
            *out += '\n';
        escaped = c == '\\' && !escaped;
    }
    if (!result.input.empty() && !result.input.ends_with('\n')) result.input += '\n';
    return result;
}

FixedField fix_random(const CronFieldKind& kind, std::string_view text, unsigned column,
                      std::uint64_t seed)
{
    FixedField field;
    for (std::size_t at = 0; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        const auto element = text.substr(at, comma - at);
        if (at > 0) field.text += ',';
        if (element.find('~') == std::string_view::npos) {
            field.text += element;
        } else {
            const auto place = column + static_cast<unsigned>(at);
            field.text += fmt::format("{}", draw(kind, element, place, seed + at));
            field.changed = true;
        }
        at = comma + 1;
    }
    return field;
}

} // namespace roleswap::task
