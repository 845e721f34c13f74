#include "field.hpp"
#include "render.hpp"
#include "table.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

Paint item_paint(const std::string& state)
{
    if (state == "done") return Paint::good;
    if (state == "in doubt") return Paint::warn;
    return state == "failed" ? Paint::bad : Paint::plain;
}

std::string item_table(const json& items, const Style& style)
{
    Table table({{"ITEM"},
                 {"STATE"},
                 {"TRY", Align::right},
                 {"NODE"},
                 {"BEGUN"},
                 {"DOUBTS", Align::right}});
    for (const json& item : items)
        table.row({text(item, "item"),
                   {text(item, "state"), item_paint(text(item, "state"))},
                   text(item, "attempt"),
                   text(item, "node", "-"),
                   local_time(text(item, "begun_at", "-")),
                   text(item, "doubts")});
    return table.empty() ? "" : table.text(style);
}

std::string counts(const json& memory)
{
    std::string out;
    for (const auto& [key, word] : std::initializer_list<std::pair<const char*, const char*>>{
             {"done", "done"},
             {"begun", "begun"},
             {"in_doubt", "in doubt"},
             {"failed", "failed"},
             {"skipped", "skipped"},
             {"repeated", "done again after a doubt"},
             {"values", "values"}})
        if (const auto count = number(memory, key); count > 0)
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, word);
    return out;
}

} // namespace

std::string memory_text(const json& memory, const Style& style)
{
    if (!memory.is_object()) return {};
    std::string out = counts(memory) + "\n";
    const json& doubtful = list(memory, "doubtful");
    if (doubtful.empty()) return out;
    return out + "\nItems that are or were in doubt:\n" + item_table(doubtful, style);
}

std::string render_memory(const json& result, const Style& style)
{
    const json& memory = member(result, "memory");
    if (!memory.is_object()) return "This run remembers nothing.\n";
    std::string out = item_table(list(result, "items"), style);
    Table values({{"KEY"}, {"VALUE"}});
    for (const json& value : list(result, "values"))
        values.row({text(value, "key"), text(value, "value")});
    if (!values.empty()) out += (out.empty() ? "" : "\n") + values.text(style);
    return out + (out.empty() ? "" : "\n") + counts(memory) + "\n";
}

} // namespace roleswap::cli
