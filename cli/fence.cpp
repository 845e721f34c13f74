#include "base/time_text.hpp"
#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// Asks a person to type the name of the node that is meant; scripts say --yes.
void ask_for_name(const std::string& what, const std::string& name)
{
    if (isatty(STDIN_FILENO) != 1)
        throw UsageError(what + "  Say --yes where nobody can be asked.");
    fmt::print("{}\nType the name of that node: ", what);
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != name)
        throw bus::Error(bus::ErrorCode::refused,
                         "Nothing was done: the answer was not " + name + ".");
}

/// The fence of the node that is asked; throws where there is none.
json configured(Context& context)
{
    json status = context.call("fence_status");
    if (text(status, "kind") == "none")
        throw bus::Error(bus::ErrorCode::refused,
                         "no fence is configured: see [fence] in roleswap.toml(5)");
    return status;
}

} // namespace

int fence_status(Context& context)
{
    context.print(context.call("fence_status"),
                  [&](const json& result) { return render_fence(result, context.style); });
    return exit_ok;
}

int fence_test(Context& context, const FenceOptions& options)
{
    const json status = configured(context);
    const std::string peer = text(status, "peer");
    if (options.really && !options.yes)
        ask_for_name(fmt::format("{} is switched off now by {}; whatever runs there ends.",
                                 printable(peer), printable(text(status, "device"))),
                     peer);
    if (options.really) context.progress("  " + peer + " is being switched off");
    const json result = context.call("fence_test", {{"really", options.really}},
                                     milliseconds(number(status, "timeout_ms")) + short_wait);
    if (options.really) context.progress("");
    context.print(result,
                  [&](const json& shown) { return render_fence_test(shown, context.style); });
    return flag(result, "ok") ? exit_ok : exit_failed;
}

int fence_confirm(Context& context, const FenceOptions& options)
{
    const std::string peer = text(configured(context), "peer");
    if (!options.yes)
        ask_for_name(fmt::format("Is {} switched off?  If it still runs, there are two masters.",
                                 printable(peer)),
                     peer);
    context.print(context.call("fence_confirm", {{"name", peer}}), [](const json& result) {
        return fmt::format("Noted: {} is off.\n", printable(text(result, "peer")));
    });
    return exit_ok;
}

} // namespace roleswap::cli
