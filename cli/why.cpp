#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

/// Reads SEQ or NODE:SEQ, as render_events writes it.
json event_arguments(const std::string& event)
{
    json args = json::object();
    const auto colon = event.rfind(':');
    const std::string digits = colon == std::string::npos ? event : event.substr(colon + 1);
    std::uint64_t sequence = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, sequence);
    if (read.ec != std::errc() || read.ptr != end || sequence == 0 || colon == 0)
        throw UsageError(fmt::format("EVENT was \"{}\"; allowed is SEQ or NODE:SEQ, as \"roleswap "
                                     "events\" shows it.",
                                     printable(event)));
    args["event"] = sequence;
    if (colon != std::string::npos) args["node"] = event.substr(0, colon);
    return args;
}

} // namespace

int why(Context& context, const std::string& event)
{
    const json args = event.empty() ? json::object() : event_arguments(event);
    const json result = context.call("why", args);
    context.print(result, [&](const json& shown) { return render_why(shown, context.style); });
    return exit_ok;
}

} // namespace roleswap::cli
