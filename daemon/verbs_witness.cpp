#include "verbs.hpp"
#include "witness/witness.hpp"
#include "witness_view.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

/// The verbs that look at the witness and make its register.
namespace roleswap::daemon {
namespace {

using bus::Error;
using bus::ErrorCode;
using nlohmann::json;
using namespace std::chrono_literals;

/// A person waits for it, so a slow etcd is no failure yet.
constexpr auto init_limit = 5s;

witness::Witness& configured_witness(const Context& context)
{
    if (context.witness != nullptr) return *context.witness;
    throw Error(ErrorCode::refused,
                "no witness is configured: add a [witness] section, see roleswap.toml(5)");
}

} // namespace

void Verbs::witness_status(Answer answer)
{
    configured_witness(context_).look(
        [this, answer = std::move(answer)] { answer.done(daemon::witness_status(context_)); });
}

void Verbs::witness_init(const json& args, Answer answer)
{
    auto& port = configured_witness(context_);
    const auto found = args.find("force");
    if (found != args.end() && !found->is_boolean())
        throw Error(
            ErrorCode::bad_argument,
            fmt::format("argument \"force\" is {}; true or false is expected", found->dump()));
    const bool force = found != args.end() && found->get<bool>();
    if (context_.driver.state().role != core::Role::master)
        throw Error(ErrorCode::not_master,
                    "only the master knows the present epoch; it is not on this node");
    const auto value = present_verdict(context_);
    const auto before = port.status().verdict;
    port.create(value, force ? witness::Existing::replace : witness::Existing::keep, init_limit,
                [this, answer = std::move(answer), before](const witness::Answer& result) {
                    created(result, before, answer);
                });
}

/// The other endpoints must show the same register, or they are of another etcd.
void Verbs::created(const witness::Answer& result, const std::optional<witness::Verdict>& before,
                    const Answer& answer)
{
    using Kind = witness::Answer::Kind;
    if (result.kind == Kind::refused)
        return answer.failed(Error(ErrorCode::refused,
                                   result.why + " already; roleswap witness init --force replaces "
                                                "it with the present epoch"));
    if (result.kind != Kind::granted) return answer.failed(Error(ErrorCode::failed, result.why));
    context_.witness->look([this, before, answer] {
        const auto status = context_.witness->status();
        if (!status.why.empty()) return answer.failed(Error(ErrorCode::failed, status.why));
        auto object = daemon::witness_status(context_);
        object["replaced"] = before ? verdict_json(*before, context_) : json();
        answer.done(object);
    });
}

} // namespace roleswap::daemon
