#include "verbs.hpp"
#include "activation.hpp"
#include "base/command_name.hpp"
#include "check.hpp"
#include "status.hpp"
#include "why.hpp"
#include <fmt/format.h>

namespace roleswap::daemon {
namespace {

using bus::Error;
using bus::ErrorCode;
using core::Command;
using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// An optional argument of the given type; throws BadArgument with what was read.
template <class T> T argument(const json& args, const char* name, T otherwise)
{
    const auto found = args.find(name);
    if (found == args.end()) return otherwise;
    try {
        return found->get<T>();
    } catch (const json::exception&) {
        throw Error(
            ErrorCode::bad_argument,
            fmt::format("argument \"{}\" is {}; another type is expected", name, found->dump()));
    }
}

ErrorCode error_code(work::VerbError::Code code)
{
    using From = work::VerbError::Code;
    switch (code) {
    case From::bad_argument:
        return ErrorCode::bad_argument;
    case From::not_found:
        return ErrorCode::not_found;
    case From::refused:
        return ErrorCode::refused;
    case From::not_master:
        return ErrorCode::not_master;
    case From::denied:
        return ErrorCode::denied;
    case From::failed:
        return ErrorCode::failed;
    }
    return ErrorCode::failed;
}

} // namespace

void Verbs::call(const bus::Verb& verb, const json& args, const Requester& who, Answer answer)
{
    const auto name = verb.name;
    auto& driver = context_.driver;
    if (name == "status") return status(std::move(answer));
    if (name == "node_status") return answer.done(node_status(context_));
    if (name == "links") return answer.done(links_status(context_));
    if (name == "events") return answer.done(events(args));
    if (name == "why") return answer.done(why(context_, argument<std::uint64_t>(args, "event", 0)));
    if (name == "check") return check(args, std::move(answer));
    if (name == "pending") return answer.done(pending_status(context_));
    if (name == "witness_status") return witness_status(std::move(answer));
    if (name == "witness_init") return witness_init(args, std::move(answer));
    if (name == "fence_status") return answer.done(fence_status());
    if (name == "fence_test") return fence_test(args, who, answer);
    if (name == "fence_confirm") return answer.done(fence_confirm(args, who));
    if (name == "hand_over") return hand_over(args, std::move(answer));
    if (name == "activate") return activate(args, who, std::move(answer));
    if (name == "activate_check")
        return answer.done(activation_check(context_, argument<bool>(args, "force", false)
                                                          ? Command::Kind::activate_force
                                                          : Command::Kind::activate));
    if (name == "rejoin") return driver.command(Command::Kind::rejoin, who.user, std::move(answer));
    const auto reason = argument<std::string>(args, "reason", "");
    if (name == "takeover_hold")
        return driver.command(Command::Kind::hold_takeover, reason, std::move(answer));
    if (name == "takeover_release")
        return driver.command(Command::Kind::release_takeover, reason, std::move(answer));
    work(verb, args, who, answer);
}

void Verbs::status(Answer answer)
{
    context_.peer.fresh([this, answer = std::move(answer)](const json& peer) {
        if (context_.third == nullptr) return answer.done(pair_status(context_, peer, nullptr));
        context_.third->view().fresh([this, answer, peer](const json& third) {
            answer.done(pair_status(context_, peer, third));
        });
    });
}

json Verbs::events(const json& args) const
{
    const auto limit = argument<std::int64_t>(args, "limit", 50);
    const auto after = argument<std::uint64_t>(args, "after", 0);
    if (limit < 1 || limit > 1000)
        throw Error(ErrorCode::bad_argument,
                    fmt::format("limit is {}; 1 to 1000 is allowed", limit));
    json list = json::array();
    const auto& events = context_.log.events();
    const auto skip = static_cast<std::int64_t>(events.size()) - limit;
    for (auto event = events.begin() + std::max<std::int64_t>(skip, 0); event != events.end();
         ++event) {
        if (event->sequence > after) list.push_back(json::parse(durable::to_json(*event)));
    }
    return {{"events", list}};
}

void Verbs::check(const json& args, Answer answer)
{
    const bool part = argument<std::string>(args, "part", "") == "node";
    context_.prober.ask([this, part, answer = std::move(answer)](const link::ProbeResult& probe) {
        const auto here = local_checks(context_, probe);
        if (part) return answer.done({{"checks", here}});
        check_peer(here, check_third(answer));
    });
}

/// The dr node counts for nothing in the pair, so what is wrong with it is told only.  The other
/// way round it is the same: a node of the pair cannot make the dr node less ready.
Answer Verbs::check_third(Answer answer)
{
    if (context_.third == nullptr) return answer;
    auto done = [this, answer](const json& report) {
        const json request{
            {"verb", "check"}, {"args", {{"part", "node"}}}, {"uid", 0}, {"user", "root"}};
        const auto finish = [answer, report](json more) {
            for (auto& check : more) check["level"] = "warn";
            answer.done(check_report(report["checks"], more));
        };
        context_.third->view().ask(
            request, std::chrono::seconds(2),
            {[finish](const json& third) { finish(third.value("checks", json::array())); },
             [finish, this](const Error& error) {
                 finish(unreachable_checks(context_.third_node().name, error.what()));
             }});
    };
    return {std::move(done), answer.failed};
}

void Verbs::check_peer(const json& here, const Answer& answer)
{
    const json request{
        {"verb", "check"}, {"args", {{"part", "node"}}}, {"uid", 0}, {"user", "root"}};
    context_.peer.ask(request, std::chrono::seconds(2),
                      {[answer, here](const json& peer) {
                           answer.done(check_report(here, peer.value("checks", json::array())));
                       },
                       [answer, here, this](const Error& error) {
                           answer.done(check_report(
                               here, unreachable_checks(context_.peer_node().name, error.what())));
                       }});
}

void Verbs::hand_over(const json& args, Answer answer)
{
    const auto operation = argument<std::int64_t>(args, "operation", 0);
    if (context_.driver.state().role != core::Role::master)
        return context_.driver.command(Command::Kind::hand_over, "",
                                       std::move(answer)); // says why not
    context_.engine.note_hand_over(operation,
                                   [this, answer = std::move(answer)](const std::string& obstacle) {
                                       if (obstacle.empty()) return order_hand_over(answer);
                                       answer.failed(Error(ErrorCode::refused, obstacle));
                                   });
}

void Verbs::order_hand_over(Answer answer)
{
    const auto began = event::Loop::now();
    const auto refuse = answer.failed;
    auto done = [this, answer = std::move(answer), began](const json& result) {
        const auto took = duration_cast<milliseconds>(event::Loop::now() - began);
        answer.done({{"epoch", result["epoch"]},
                     {"master", context_.peer_node().name},
                     {"took_ms", took.count()}});
    };
    context_.driver.command(Command::Kind::hand_over, "", {std::move(done), refuse});
}

void Verbs::activate(const json& args, const Requester& who, Answer answer)
{
    const auto reason = argument<std::string>(args, "reason", "");
    if (!argument<bool>(args, "force", false))
        return context_.driver.command(Command::Kind::activate, reason, std::move(answer));
    if (reason.empty())
        throw Error(ErrorCode::bad_argument,
                    "force needs a reason, which is recorded: --force --reason TEXT");
    context_.driver.command(Command::Kind::activate_force,
                            fmt::format("{} (by {})", reason, who.user), std::move(answer));
}

void Verbs::work(const bus::Verb& verb, const json& args, const Requester& who,
                 const Answer& answer)
{
    const bool taken =
        context_.engine.handle(verb.name, args, {who.uid, who.user},
                               {answer.done, [answer](const work::VerbError& error) {
                                    answer.failed(Error(error_code(error.code), error.why));
                                }});
    if (!taken)
        throw Error(ErrorCode::failed, fmt::format("\"{}\" has no handler in this version",
                                                   base::command_name(verb.name)));
}

} // namespace roleswap::daemon
