#include "field.hpp"
#include "render.hpp"
#include "table.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

std::string render_agents(const json& result, const Style& style)
{
    if (list(result, "agents").empty()) return "There is no agent; see roleswap agent add.\n";
    Table table({{"AGENT"},
                 {"STATE"},
                 {"SINCE"},
                 {"ADDRESS"},
                 {"VERSION"},
                 {"RUNNING", Align::right},
                 {"QUEUES"}});
    for (const json& agent : list(result, "agents")) {
        const bool here = text(agent, "state") == "connected";
        std::string queues;
        for (const json& queue : list(agent, "queues"))
            queues += (queues.empty() ? "" : " ") + queue.get<std::string>();
        table.row({text(agent, "name"),
                   {text(agent, "state"), here ? Paint::good : Paint::bad},
                   local_time(text(agent, "since", "-")),
                   text(agent, "address", "-"),
                   text(agent, "version", "-"),
                   text(agent, "running", "0"),
                   queues});
    }
    return table.text(style);
}

/// "2 of 3 connected, missing: web1"; empty where there is none.
std::string agents_text(const json& status)
{
    const json& agents = list(status, "agents");
    if (agents.empty()) return {};
    std::size_t here = 0;
    std::string others;
    for (const json& agent : agents) {
        const auto state = text(agent, "state");
        here += state == "connected" ? 1U : 0U;
        if (state != "connected") others += fmt::format(", {} is {}", text(agent, "name"), state);
    }
    return fmt::format("{} of {} connected{}", here, agents.size(), others);
}

} // namespace roleswap::cli
