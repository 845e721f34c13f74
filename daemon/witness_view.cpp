#include "witness_view.hpp"
#include "driver.hpp"
#include "witness/witness.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {
namespace {

using nlohmann::json;

double as_ms(event::Duration duration)
{
    return static_cast<double>(duration.count()) / 1000;
}

std::string_view to_string(witness::Answer::Kind kind)
{
    using Kind = witness::Answer::Kind;
    switch (kind) {
    case Kind::granted:
        return "granted";
    case Kind::refused:
        return "refused";
    case Kind::unreachable:
        return "unreachable";
    case Kind::wiped:
        return "wiped";
    }
    return "?";
}

json endpoint_json(const witness::View& view, const Context& context)
{
    json object{{"url", view.url},         {"up", view.up},         {"why", view.why},
                {"version", view.version}, {"latency_ms", nullptr}, {"register", nullptr}};
    if (view.up) object["latency_ms"] = as_ms(view.latency);
    if (view.found && view.found->verdict)
        object["register"] = verdict_json(*view.found->verdict, context);
    return object;
}

} // namespace

json verdict_json(const witness::Verdict& verdict, const Context& context)
{
    return {{"epoch", verdict.epoch},
            {"round", verdict.round},
            {"master", context.config.nodes.at(verdict.master).name}};
}

bool witness_agrees(const Context& context)
{
    if (context.witness == nullptr) return true;
    const auto held = context.witness->status().verdict;
    if (!held) return true;
    const auto& record = context.driver.state().record;
    if (held->epoch != record.epoch) return held->epoch < record.epoch;
    return held->master == record.master;
}

std::string witness_trouble(const Context& context)
{
    if (context.witness == nullptr) return {};
    const auto status = context.witness->status();
    if (!status.why.empty()) return status.why;
    if (witness_agrees(context)) return {};
    const auto& record = context.driver.state().record;
    return fmt::format("the witness holds epoch {} of {}, this node knows epoch {} of {}",
                       status.verdict->epoch, context.config.nodes.at(status.verdict->master).name,
                       record.epoch, context.config.nodes.at(record.master).name);
}

json witness_status(const Context& context)
{
    if (context.witness == nullptr) return nullptr;
    const auto status = context.witness->status();
    json object{{"health", to_string(status.health)},
                {"why", witness_trouble(context)},
                {"agrees", witness_agrees(context)},
                {"timeout_ms", context.config.witness->timeout.count()},
                {"register", nullptr},
                {"endpoints", json::array()},
                {"last", nullptr}};
    if (status.verdict) object["register"] = verdict_json(*status.verdict, context);
    for (const auto& view : status.endpoints)
        object["endpoints"].push_back(endpoint_json(view, context));
    if (status.last)
        object["last"] = {{"answer", to_string(status.last->kind)},
                          {"why", status.last->why},
                          {"took_ms", as_ms(status.last->took)}};
    return object;
}

witness::Verdict present_verdict(const Context& context)
{
    const auto& record = context.driver.state().record;
    return {record.epoch, record.round, record.master};
}

bool in_the_clear(const std::string& endpoint)
{
    constexpr std::string_view scheme = "http://";
    if (!endpoint.starts_with(scheme)) return false;
    const auto host = std::string_view(endpoint).substr(scheme.size());
    return !host.starts_with("127.") && !host.starts_with("[::1]") &&
           !host.starts_with("localhost:");
}

} // namespace roleswap::daemon
