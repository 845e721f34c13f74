#include "base/time_text.hpp"
#include "context.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

std::string duration(const json& object, const char* key)
{
    return base::human_duration(milliseconds(number(object, key)));
}

std::string line(std::string_view label, const std::string& value)
{
    return fmt::format("{:<9}{}\n", label, printable(value));
}

std::string steps(const json& object)
{
    std::string out;
    for (const json& step : list(object, "steps"))
        if (step.is_string()) out += "  " + printable(step.get<std::string>()) + "\n";
    return out;
}

} // namespace

std::string render_fence(const json& result, const Style& style)
{
    const std::string kind = text(result, "kind", "none");
    if (kind == "none") return "No fence is configured.\n";
    std::string out = line("Device", fmt::format("{} ({})", text(result, "device"), kind));
    out += line("Switches", text(result, "peer"));
    const std::string state = text(result, "state", "?");
    out +=
        fmt::format("{:<9}{}\n", "State",
                    paint(style, state == "idle" ? Paint::plain : Paint::warn, printable(state)));
    if (!text(result, "step").empty()) out += line("Step", text(result, "step"));
    const json& look = member(result, "look");
    if (look.is_object())
        out += line("Power", fmt::format("{}, {} ago: {}", text(look, "power"),
                                         duration(look, "age_ms"), text(look, "why")));
    if (kind == "meatware" && state != "idle")
        out += "Switch that node off, then say: roleswap fence confirm\n";
    const json& last = member(result, "last");
    if (!last.is_object()) return out;
    out += line("Last", fmt::format("{} after {}, {} ago: {}", text(last, "result"),
                                    duration(last, "took_ms"), duration(last, "age_ms"),
                                    text(last, "why")));
    return out + steps(last);
}

std::string render_fence_test(const json& result, const Style& style)
{
    const bool ok = flag(result, "ok");
    const std::string peer = printable(text(result, "peer"));
    const std::string device = printable(text(result, "device"));
    std::string out = steps(result);
    if (flag(result, "really"))
        return out +
               fmt::format("{}: {} ({})\n",
                           paint(style, ok ? Paint::good : Paint::bad,
                                 ok ? peer + " is off" : peer + " is not confirmed to be off"),
                           printable(text(result, "why")), duration(result, "took_ms"));
    out += fmt::format("{}: {} in {}: {}\n",
                       paint(style, ok ? Paint::good : Paint::bad,
                             ok ? device + " answers" : device + " does not answer"),
                       printable(text(result, "power")), duration(result, "took_ms"),
                       printable(text(result, "why")));
    return out + fmt::format("Nothing was switched.  \"roleswap fence test --really\" switches {} "
                             "off: \"off\", then \"status\" until it says off.\n",
                             peer);
}

} // namespace roleswap::cli
