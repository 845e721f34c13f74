#include "commands.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

int status(Context& context, bool bar)
{
    context.print(context.call("status"), [&](const json& result) {
        return bar ? render_bar(result, context.style) + "\n"
                   : render_status(result, context.style);
    });
    return exit_ok;
}

int links(Context& context)
{
    context.print(context.call("links"),
                  [&](const json& result) { return render_links(result, context.style); });
    return exit_ok;
}

int nodes(Context& context, const std::string& role)
{
    const json status = context.call("status");
    const auto names = nodes_of_role(status, role);
    if (names.empty()) throw bus::Error(bus::ErrorCode::refused, why_no_node_is(status, role));
    context.print(json{{"nodes", names}}, [](const json& result) {
        std::string lines;
        for (const auto& name : result["nodes"]) lines += name.get<std::string>() + "\n";
        return lines;
    });
    return exit_ok;
}

} // namespace roleswap::cli
