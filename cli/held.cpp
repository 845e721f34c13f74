#include "commands.hpp"
#include "field.hpp"
#include "render.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::cli {
namespace {

using nlohmann::json;

json which(const HeldOptions& options)
{
    if (options.all == !options.patterns.empty())
        throw UsageError("Name tasks, * and ? in them stand for any text, or say --all.");
    if (options.all) return {{"all", true}};
    return {{"patterns", options.patterns}};
}

/// "12 runs released"
std::string changed(const json& result, const char* how)
{
    const auto count = number(result, "changed");
    return fmt::format("{} run{} {}", count, count == 1 ? "" : "s", how);
}

std::string left(const json& result)
{
    const auto runs = number(result, "runs") - number(result, "released");
    return runs == 0 ? "none is held any more" : fmt::format("{} stay held", runs);
}

} // namespace

int held_list(Context& context, const HeldOptions& options)
{
    json args{{"limit", options.limit}};
    if (!options.patterns.empty()) args["patterns"] = options.patterns;
    context.print(context.call("held_list", args),
                  [&](const json& result) { return render_held(result, context.style); });
    return exit_ok;
}

int held_release(Context& context, const HeldOptions& options)
{
    auto args = which(options);
    if (!options.rate.empty()) args["rate"] = options.rate;
    context.print(context.call("held_release", args), [](const json& result) {
        const auto rate = text(result, "rate", "none");
        return fmt::format("{}{}; {}.\n", changed(result, "released"),
                           rate == "none" ? "" : ", they start at " + rate, left(result));
    });
    return exit_ok;
}

int held_change(Context& context, const std::string& action, const HeldOptions& options)
{
    context.print(context.call("held_" + action, which(options)), [&](const json& result) {
        return fmt::format("{}; {}.\n",
                           changed(result, action == "drop" ? "dropped" : "taken back"),
                           left(result));
    });
    return exit_ok;
}

int pause_all(Context& context, const std::string& reason)
{
    json args = json::object();
    if (!reason.empty()) args["reason"] = reason;
    context.print(context.call("pause_all", args), [](const json&) {
        return "Nothing starts until \"roleswap resume-all\"; what runs goes on.\n";
    });
    return exit_ok;
}

int resume_all(Context& context)
{
    context.print(context.call("resume_all", json::object()), [](const json&) {
        return "The pause is over; queues and scheduler are as they were.\n";
    });
    return exit_ok;
}

} // namespace roleswap::cli
