#include "field.hpp"
#include "render.hpp"
#include "table.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

std::string verdict_text(const json& verdict)
{
    if (!verdict.is_object()) return "nothing";
    return fmt::format("epoch {} round {} of {}", text(verdict, "epoch", "?"),
                       text(verdict, "round", "?"), printable(text(verdict, "master", "?")));
}

std::string render_witness(const json& result, const Style& style)
{
    const std::string why = text(result, "why");
    std::string shown =
        fmt::format("The witness {}{}.\n\n",
                    why.empty() ? paint(style, Paint::good, "is well")
                                : paint(style, Paint::bad, "is not well: ") + printable(why),
                    why.empty() ? ", it holds " + verdict_text(member(result, "register")) : "");
    Table table({{"ENDPOINT"}, {"STATE"}, {"VERSION"}, {"LATENCY", Align::right}, {"HOLDS"}});
    for (const json& endpoint : list(result, "endpoints")) {
        const bool up = flag(endpoint, "up");
        const std::string version = text(endpoint, "version");
        const json& latency = member(endpoint, "latency_ms");
        table.row({text(endpoint, "url"),
                   {up ? "up" : "down", up ? Paint::good : Paint::bad},
                   version.empty() ? "-" : version,
                   latency.is_number() ? fmt::format("{:.1f} ms", latency.get<double>()) : "-",
                   up ? verdict_text(member(endpoint, "register")) : text(endpoint, "why", "-")});
    }
    shown += table.text(style);
    const json& last = member(result, "last");
    if (last.is_object())
        shown += fmt::format("\nLast question: {} in {:.1f} ms, {}.\n", text(last, "answer"),
                             member(last, "took_ms").get<double>(), printable(text(last, "why")));
    return shown;
}

} // namespace roleswap::cli
