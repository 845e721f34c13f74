#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {

using nlohmann::json;

int witness_status(Context& context)
{
    const json result = context.call("witness_status");
    context.print(result, [&](const json& shown) { return render_witness(shown, context.style); });
    return text(result, "why").empty() ? exit_ok : exit_failed;
}

int witness_init(Context& context, Existing existing)
{
    const json args{{"force", existing == Existing::replace}};
    context.print(context.call("witness_init", args), [&](const json& result) {
        const json& replaced = member(result, "replaced");
        const std::string before =
            replaced.is_object() ? "It replaces " + verdict_text(replaced) + ".\n" : "";
        return fmt::format("The witness holds {}.\n{}", verdict_text(member(result, "register")),
                           before);
    });
    return exit_ok;
}

} // namespace roleswap::cli
