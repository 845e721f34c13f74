#include "field.hpp"
#include "render.hpp"
#include "table.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

std::string outage_text(const json& outage)
{
    if (!outage.is_object()) return {};
    return fmt::format(", because nobody scheduled from {} to {}", local_time(text(outage, "from")),
                       local_time(text(outage, "until")));
}

} // namespace

std::string held_line(const json& held)
{
    const auto runs = number(held, "runs");
    if (runs == 0) return {};
    auto line =
        fmt::format("{} run{} of {} task{}{}", runs, runs == 1 ? "" : "s", number(held, "tasks"),
                    number(held, "tasks") == 1 ? "" : "s", outage_text(member(held, "outage")));
    const auto released = number(held, "released");
    if (released > 0)
        line += fmt::format("; {} of them released, rate {}", released, text(held, "rate"));
    return line;
}

std::string render_held(const json& result, const Style& style)
{
    Table table({{"RUN", Align::right}, {"TASK"}, {"DUE"}, {"QUEUE"}, {"STATE"}, {"WHY"}});
    for (const json& run : list(result, "held"))
        table.row({text(run, "id"), text(run, "task"), local_time(text(run, "due", "-")),
                   text(run, "queue"), text(run, "released_at").empty() ? "held" : "released",
                   text(run, "why")});
    if (table.empty()) return "No run is held, or none of these tasks.\n";
    const auto more = number(result, "matching") - static_cast<long>(list(result, "held").size());
    return table.text(style) + (more > 0 ? fmt::format("... and {} more: --limit\n", more) : "") +
           "\n" + wrap(printable(held_line(result) + "."), style.width, 0) + "\n";
}

} // namespace roleswap::cli
