#include "base/time_text.hpp"
#include "field.hpp"
#include "render.hpp"
#include "table.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

Paint state_paint(const std::string& state)
{
    return state == "undecided" ? Paint::warn : Paint::faint;
}

/// What the present master did for the same due time: "run 12 ok".
std::string here_of(const json& entry)
{
    const json& here = member(entry, "here");
    if (!here.is_object()) return "-";
    return fmt::format("run {} {}", text(here, "run"), text(here, "state"));
}

std::string line(const Style& style, std::string_view key, const std::string& value)
{
    return paint(style, Paint::faint, fmt::format("{:<16}", key)) + value + "\n";
}

} // namespace

std::string render_history(const json& result, const Style& style)
{
    Table table({{"ENTRY", Align::right},
                 {"OF"},
                 {"WHAT"},
                 {"TASK"},
                 {"DUE"},
                 {"THERE"},
                 {"STATE"},
                 {"HERE"}});
    for (const json& entry : list(result, "history")) {
        const std::string state = text(entry, "state");
        const std::string ended = text(entry, "run_state", "-");
        table.row({text(entry, "id"),
                   text(entry, "node"),
                   text(entry, "kind"),
                   text(entry, "task"),
                   local_time(text(entry, "due", "-")),
                   ended,
                   {state, state_paint(state)},
                   here_of(entry)});
    }
    if (table.empty()) return "There is nothing of that kind in the server history.\n";
    return table.text(style);
}

std::string render_history_entry(const json& result, const Style& style)
{
    const json& entry = member(result, "history");
    std::string out;
    for (const char* key : {"id", "kind", "node", "epoch", "task", "due", "state", "found_at",
                            "decided_at", "decided_by"})
        if (const std::string value = text(entry, key); !value.empty())
            out += line(style, key, printable(value));
    out += line(style, "here", printable(here_of(entry)));
    const json& row = member(entry, "row");
    if (!row.is_object()) return out;
    out += "\nAs it was there:\n";
    for (const auto& [key, value] : row.items()) {
        if (value.is_null() || value == "" || key == "output_tail") continue;
        out += line(style, key,
                    printable(value.is_string()
                                  ? value.get<std::string>()
                                  : value.dump(-1, ' ', false, json::error_handler_t::replace)));
    }
    if (const std::string output = text(row, "output_tail"); !output.empty())
        out +=
            "\nOutput:\n" + printable(output, Lines::keep) + (output.ends_with('\n') ? "" : "\n");
    return out;
}

std::string copy_bar(const json& node)
{
    const json& copy = member(member(node, "store"), "copy");
    const json& done = member(copy, "done");
    const auto rate = static_cast<std::uint64_t>(number(copy, "bytes_per_second"));
    if (!done.is_number() || rate == 0) return copy_text(node);
    constexpr std::size_t cells = 20;
    const auto full = static_cast<std::size_t>(std::clamp(done.get<double>(), 0.0, 1.0) * cells);
    return fmt::format("{} [{}{}] {}/s, {} left", copy_text(node), std::string(full, '#'),
                       std::string(cells - full, '.'), base::human_bytes(rate),
                       base::human_duration(std::chrono::milliseconds(number(copy, "left_ms"))));
}

} // namespace roleswap::cli
