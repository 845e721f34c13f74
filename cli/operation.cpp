#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

std::string nothing(const json&)
{
    return "";
}

} // namespace

/// Prints the id alone, for shell scripts.
int operation_begin(Context& context, const std::string& kind, pid_t owner)
{
    const json result = context.call("operation_begin", {{"kind", kind}, {"owner_pid", owner}});
    context.print(result, [](const json& shown) { return text(shown, "id") + "\n"; });
    return exit_ok;
}

int operation_step(Context& context, const StepOptions& options)
{
    json args{{"id", id_value(options.id)}, {"step", options.step}, {"state", options.state}};
    if (!options.detail.empty()) args["detail"] = options.detail;
    context.print(context.call("operation_step", args), nothing);
    return exit_ok;
}

int operation_end(Context& context, const std::string& id, const std::string& result,
                  const std::string& why)
{
    json args{{"id", id_value(id)}, {"result", result}};
    if (!why.empty()) args["why"] = why;
    name_operation(args);
    context.print(context.call("operation_end", args), nothing);
    return exit_ok;
}

int operation_show(Context& context, const std::string& id)
{
    json args = json::object();
    if (!id.empty()) args["id"] = id_value(id);
    const json result = context.call("operation_show", args);
    if (!id.empty() && !member(result, "operation").is_object())
        throw bus::Error(bus::ErrorCode::not_found,
                         "There is no operation " + printable(id) +
                             "; roleswap operation show has the newest.");
    context.print(result,
                  [&](const json& shown) { return render_operation(shown, context.style); });
    return exit_ok;
}

} // namespace roleswap::cli
