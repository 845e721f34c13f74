#include "fence_status.hpp"
#include "base/time_text.hpp"
#include <fmt/format.h>

namespace roleswap::daemon {
namespace {

using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::int64_t age_ms(event::Duration then)
{
    return duration_cast<milliseconds>(event::Loop::now() - then).count();
}

json look_json(const fence::Status& status)
{
    if (!status.look) return nullptr;
    return {{"power", fence::to_string(status.look->power)},
            {"why", status.look->why},
            {"age_ms", age_ms(status.looked_at)}};
}

json last_json(const fence::Status& status)
{
    if (!status.last) return nullptr;
    return {{"result", fence::to_string(status.last->result)},
            {"why", status.last->why},
            {"steps", status.last->steps},
            {"took_ms", status.last->took.count() / 1000},
            {"age_ms", age_ms(status.last_at)}};
}

std::string_view kind_text(config::Fence::Kind kind)
{
    using enum config::Fence::Kind;
    if (kind == agent) return "agent";
    return kind == serial ? "serial" : "meatware";
}

} // namespace

json fence_status(const Context& context)
{
    const auto status = context.fence->status();
    const auto& config = context.config.fence;
    return {{"kind", kind_text(config.kind)},   {"device", status.device},
            {"peer", context.peer_node().name}, {"state", fence::to_string(status.state)},
            {"attempt", status.attempt},        {"step", status.step},
            {"look", look_json(status)},        {"last", last_json(status)},
            {"delay_ms", config.delay.count()}, {"timeout_ms", config.timeout.count()}};
}

std::optional<std::string> fence_trouble(const Context& context)
{
    const auto status = context.fence->status();
    const auto& peer = context.peer_node().name;
    const bool heard = context.transport.any_live();
    if (status.last && status.last->result == fence::Result::failed && !heard)
        return fmt::format("{} did not confirm that {} is off: {}; when you know that it is off, "
                           "say \"roleswap fence confirm\"",
                           status.device, peer, status.last->why);
    if (context.fence->is_meatware() || !status.look) return {};
    using enum fence::Look::Power;
    if (status.look->power == failed)
        return fmt::format("{} does not answer: {}", status.device, status.look->why);
    if (status.look->power == off && heard)
        return fmt::format("{} says that {} is off, but it is heard: another plug?", status.device,
                           peer);
    return {};
}

std::string fence_look_text(const Context& context)
{
    const auto status = context.fence->status();
    if (context.fence->is_meatware()) return "a human confirms";
    if (const auto trouble = fence_trouble(context)) return *trouble;
    if (!status.look) return "not asked yet";
    return fmt::format("{}: {} is {}, {} ago", status.device, context.peer_node().name,
                       fence::to_string(status.look->power),
                       base::human_duration(milliseconds(age_ms(status.looked_at))));
}

} // namespace roleswap::daemon
