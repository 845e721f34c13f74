#include "fence_status.hpp"
#include "verbs.hpp"
#include <fmt/format.h>

/// The verbs of the fence.
namespace roleswap::daemon {
namespace {

using bus::Error;
using bus::ErrorCode;
using nlohmann::json;

std::int64_t ms(event::Duration time)
{
    return time.count() / 1000;
}

fence::Fence& configured_fence(const Context& context)
{
    if (context.fence == nullptr)
        throw Error(ErrorCode::refused, "no fence is configured: see [fence] in roleswap.toml(5)");
    return *context.fence;
}

bool flag(const json& args, const char* name)
{
    const auto found = args.find(name);
    if (found == args.end()) return false;
    if (!found->is_boolean())
        throw Error(
            ErrorCode::bad_argument,
            fmt::format("argument \"{}\" is {}; true or false is allowed", name, found->dump()));
    return found->get<bool>();
}

} // namespace

json Verbs::fence_status() const
{
    if (context_.fence == nullptr) return {{"kind", "none"}};
    return daemon::fence_status(context_);
}

void Verbs::fence_test(const json& args, const Requester& who, const Answer& answer)
{
    auto& fence = configured_fence(context_);
    const json about{{"device", fence.status().device}, {"peer", context_.peer_node().name}};
    if (!flag(args, "really")) {
        return fence.look([answer, about](const fence::Look& look, event::Duration took) {
            json result = about;
            result.update({{"really", false},
                           {"ok", look.power != fence::Look::Power::failed},
                           {"power", fence::to_string(look.power)},
                           {"why", look.why},
                           {"took_ms", ms(took)}});
            answer.done(result);
        });
    }
    fence.test(who.user, [answer, about](const fence::Report& report) {
        json result = about;
        result.update({{"really", true},
                       {"ok", report.result == fence::Result::confirmed},
                       {"why", report.why},
                       {"steps", report.steps},
                       {"took_ms", ms(report.took)}});
        answer.done(result);
    });
}

json Verbs::fence_confirm(const json& args, const Requester& who)
{
    auto& fence = configured_fence(context_);
    const auto& peer = context_.peer_node().name;
    const auto name = args.value("name", json());
    if (name != peer)
        throw Error(ErrorCode::bad_argument,
                    fmt::format("name is {}; the node that this one switches off is \"{}\"",
                                name.dump(), peer));
    if (!fence.confirm(who.user))
        throw Error(
            ErrorCode::refused,
            fmt::format("no fence is under way on {} and none has failed: {} need not be off",
                        context_.self_node().name, peer));
    return {{"peer", peer}};
}

} // namespace roleswap::daemon
