#include "base/quantity.hpp"
#include "base/toml.hpp"
#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include "task/task.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// As it would be written in a file of tasks.
std::string toml_value(const json& value)
{
    if (value.is_string()) return base::toml_quoted(value.get<std::string>());
    if (!value.is_array()) return value.is_null() ? "nothing" : value.dump();
    std::string items;
    for (const json& item : value) items += (items.empty() ? "" : ", ") + toml_value(item);
    return "[" + items + "]";
}

constexpr std::string_view duration_suffix = "_ms";

std::string shown_value(const std::string& field, const json& value)
{
    if (!field.ends_with(duration_suffix) || !value.is_number_integer()) return toml_value(value);
    return base::toml_quoted(
        base::duration_text(std::chrono::milliseconds(value.get<std::int64_t>())));
}

std::string shown_name(std::string field)
{
    if (field.ends_with(duration_suffix)) field.resize(field.size() - duration_suffix.size());
    return field;
}

std::string fields_text(const json& result, const std::string& task, bool is_new)
{
    std::string out;
    for (const json& change : list(member(result, "fields"), task)) {
        const auto field = text(change, "field");
        const auto old = is_new ? "" : shown_value(field, member(change, "old")) + " -> ";
        out += fmt::format("    {}{}{}{}\n", shown_name(field), is_new ? " = " : ": ", old,
                           shown_value(field, member(change, "new")));
    }
    return printable(out, Lines::keep);
}

std::string part_text(const json& result, const char* part, const Style& style)
{
    const bool is_new = part == std::string_view("added");
    const auto sign = is_new ? '+' : part == std::string_view("changed") ? '~' : '-';
    const auto colour = sign == '+' ? Paint::good : sign == '~' ? Paint::warn : Paint::bad;
    std::string out;
    for (const json& name : list(result, part)) {
        const auto task = name.is_string() ? name.get<std::string>() : "?";
        out += paint(style, colour, fmt::format("{} {}", sign, printable(task))) + "\n" +
               fields_text(result, task, is_new);
    }
    return out;
}

std::string counted(std::int64_t count, const char* what)
{
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

} // namespace

bool changes_something(const json& result)
{
    return std::ranges::any_of(std::initializer_list<const char*>{"added", "changed", "removed"},
                               [&](const char* part) { return !list(result, part).empty(); });
}

std::string render_diff(const json& result, const Style& style)
{
    std::string out;
    for (const char* part : {"added", "changed", "removed"}) out += part_text(result, part, style);
    const auto same = number(result, "same");
    if (changes_something(result))
        out += fmt::format("{} added, {} changed, {} removed, {} unchanged\n",
                           list(result, "added").size(), list(result, "changed").size(),
                           list(result, "removed").size(), same);
    else
        out += fmt::format("No change: {} as in the file\n", counted(same, "task"));
    if (const auto others = number(result, "others"); others > 0)
        out += fmt::format("{} not in the file {}; --remove-others removes {}\n",
                           counted(others, "task"), others == 1 ? "stays" : "stay",
                           others == 1 ? "it" : "them");
    return out;
}

/// As diff(1): exit code 1 where there is a difference.
int diff(Context& context, const std::string& path, const ApplyOptions& options)
{
    const json result = call_apply(context, path, {true, options.remove_others});
    context.print(result, [&](const json& shown) { return render_diff(shown, context.style); });
    return changes_something(result) ? exit_failed : exit_ok;
}

} // namespace roleswap::cli
