#include "dispatcher.hpp"
#include "base/command_name.hpp"
#include "link/types.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {
namespace {

using bus::Error;
using bus::ErrorCode;
using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::uint64_t timeout_ms_max = 86'400'000; ///< as `drain` allows

/// How long the peer may take: verbs that wait by their nature say so in their arguments.
std::chrono::milliseconds time_limit(const bus::Verb& verb, const json& args)
{
    const auto asked = args.find("timeout_ms");
    if (asked != args.end() && asked->is_number_unsigned())
        // Who follows a run wants to know soon that its node is gone, and asks again.
        return std::chrono::milliseconds(std::min(asked->get<std::uint64_t>(), timeout_ms_max)) +
               (verb.name == "run_output" ? 1s : 5s);
    if (verb.name == "fence_test") return 1830s; // above the longest [fence] timeout
    return verb.name == "drain" ? 600s : 15s;
}

std::string error_text(const Error& error)
{
    return json{{"error", {{"code", bus::to_string(error.code())}, {"message", error.what()}}}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Null where the object is no request: fields are missing or of another type.
const bus::Verb* requested_verb(const json& object)
{
    const auto has = [&](const char* name, auto is) {
        const auto found = object.find(name);
        return found != object.end() && is(*found);
    };
    const bool whole = object.is_object() &&
                       has("verb", [](const json& v) { return v.is_string(); }) &&
                       has("args", [](const json& v) { return v.is_object(); }) &&
                       has("uid", [](const json& v) { return v.is_number_unsigned(); }) &&
                       has("user", [](const json& v) { return v.is_string(); });
    return whole ? bus::find_verb(object["verb"].get<std::string>()) : nullptr;
}

} // namespace

void answer_from_reply(const std::string& reply, const Answer& answer)
{
    const auto object = json::parse(reply, nullptr, false);
    if (object.is_object() && object.contains("ok")) return answer.done(object["ok"]);
    try {
        const auto& error = object.at("error");
        const auto code =
            bus::parse_error_code(error.at("code").get<std::string>()).value_or(ErrorCode::failed);
        answer.failed(Error(code, error.at("message").get<std::string>()));
    } catch (const json::exception&) {
        answer.failed(Error(ErrorCode::failed,
                            "the peer's reply was not understood; are both nodes of one version?"));
    }
}

Dispatcher::Where Dispatcher::named(const std::string& node) const
{
    if (node == ports_.self) return Where::here;
    if (node == ports_.peer) return Where::peer;
    if (!ports_.third.empty() && node == ports_.third) return Where::third;
    throw Error(ErrorCode::not_found,
                fmt::format("node is {}; the nodes of this pair are \"{}\" and \"{}\"{}",
                            json(node).dump(), ports_.self, ports_.peer,
                            ports_.third.empty() ? "" : ", and \"" + ports_.third + "\""));
}

Dispatcher::Where Dispatcher::choose(const bus::Verb& verb, const json& args,
                                     const Requester& who) const
{
    const auto node = args.find("node");
    if (node != args.end()) {
        if (!node->is_string())
            throw Error(ErrorCode::not_found,
                        fmt::format("node is {}; the nodes of this pair are \"{}\" and \"{}\"",
                                    node->dump(), ports_.self, ports_.peer));
        const auto where = named(node->get<std::string>());
        if (where != Where::here && who.from_peer)
            throw Error(ErrorCode::refused, "a relayed request is not relayed again");
        return where;
    }
    if (verb.place == bus::Place::local || ports_.self_is_master()) return Where::here;
    if (ports_.peer_is_master() && !who.from_peer) return Where::peer;
    if (ports_.third_is_master() && !who.from_peer) return Where::third;
    throw Error(ErrorCode::not_master,
                fmt::format("\"{}\" belongs to the master and there is none now: {}",
                            base::command_name(verb.name), ports_.why_no_master()));
}

void Dispatcher::call(const bus::Verb& verb, const json& args, const Requester& who, Answer answer)
{
    try {
        const auto where = choose(verb, args, who);
        if (where != Where::here) return relay(where, verb, args, who, std::move(answer));
        auto own = args; // handlers know only the arguments of their verb
        own.erase("node");
        ports_.local(verb, own, who, answer);
    } catch (const Error& error) {
        answer.failed(error);
    } catch (const json::exception& error) {
        answer.failed(Error(ErrorCode::bad_argument, error.what()));
    }
}

void Dispatcher::relay(Where where, const bus::Verb& verb, const json& args, const Requester& who,
                       Answer answer)
{
    const json request{{"verb", verb.name}, {"args", args}, {"uid", who.uid}, {"user", who.user}};
    const auto& ask = where == Where::peer ? ports_.ask_peer : ports_.ask_third;
    ask(request, time_limit(verb, args), std::move(answer));
}

/// What is too long for the links is refused, or the link would end this daemon.
std::string Dispatcher::reply_text(const bus::Verb& verb, const json& result) const
{
    const auto text =
        R"({"ok":)" + result.dump(-1, ' ', false, json::error_handler_t::replace) + "}";
    if (text.size() <= link::message_bytes_max) return text;
    return error_text(
        Error(ErrorCode::refused,
              fmt::format("the answer to \"{}\" has {} bytes; at most {} go over the links: give "
                          "the command on {}",
                          base::command_name(verb.name), text.size(), link::message_bytes_max,
                          ports_.self)));
}

void Dispatcher::serve_peer(const std::string& request,
                            std::function<void(const std::string&)> reply)
{
    const auto object = json::parse(request, nullptr, false);
    const auto* verb = requested_verb(object);
    if (verb == nullptr) {
        return reply(error_text(
            Error(ErrorCode::bad_argument,
                  "the peer asked for a verb this version does not know; upgrade this node")));
    }
    const Requester who{object["uid"].get<uid_t>(), object["user"].get<std::string>(), true};
    call(*verb, object["args"], who,
         {[this, verb, reply](const json& result) { reply(reply_text(*verb, result)); },
          [reply](const Error& error) { reply(error_text(error)); }});
}

} // namespace roleswap::daemon
