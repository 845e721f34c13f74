#include "commands.hpp"
#include "core/rules.hpp"
#include "field.hpp"
#include "paths.hpp"
#include "table.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

int version(Context& context)
{
    context.print(json{{"version", version_text}},
                  [](const json& result) { return "roleswap " + text(result, "version") + "\n"; });
    return exit_ok;
}

namespace {

/// State diagram of Mermaid (mermaid.js.org, stateDiagram-v2).
std::string mermaid(const json& result)
{
    std::string out = "stateDiagram-v2\n    [*] --> undecided\n";
    for (const json& rule : result["rules"])
        out += fmt::format("    {} --> {}: {}\n", text(rule, "from"), text(rule, "to"),
                           text(rule, "event"));
    return out;
}

} // namespace

/// The same table that the core works by and the manual prints.
int fsm(Context& context, FsmForm form)
{
    json rules = json::array();
    for (const core::Rule& rule : core::rules)
        rules.push_back({{"from", core::to_string(rule.from)},
                         {"event", core::to_string(rule.event)},
                         {"to", core::to_string(rule.to)},
                         {"why", rule.why}});
    context.print(json{{"rules", rules}}, [&](const json& result) {
        if (form == FsmForm::mermaid) return mermaid(result);
        Table table({{"FROM"}, {"EVENT"}, {"TO"}, {"WHY"}});
        for (const json& rule : result["rules"])
            table.row(
                {text(rule, "from"), text(rule, "event"), text(rule, "to"), text(rule, "why")});
        Style wide = context.style;
        wide.table_width = 200; // the reasons are what one reads it for
        return table.text(wide);
    });
    return exit_ok;
}

} // namespace roleswap::cli
