#include "peer_view.hpp"
#include "base/command_name.hpp"
#include "dispatcher.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const json status_request{
    {"verb", "node_status"}, {"args", json::object()}, {"uid", 0}, {"user", "root"}};

bus::Error unanswered(link::RequestError error)
{
    using bus::ErrorCode;
    return {ErrorCode::unreachable,
            std::string("the peer did not answer: ") + std::string(link::to_string(error)) +
                "; what was asked may have been done: look with \"roleswap status\""};
}

bus::Error too_long(const json& request, std::size_t bytes)
{
    return {bus::ErrorCode::bad_argument,
            fmt::format("\"{}\" has {} bytes of arguments; at most {} go over the links: give the "
                        "command on the other node, or in parts",
                        base::command_name(request.value("verb", "")), bytes,
                        link::message_bytes_max)};
}

} // namespace

PeerView::PeerView(event::Loop& loop, link::Transport& transport, OnNews on_news)
    : transport_(transport), on_news_(std::move(on_news)), timer_(loop, [this] { poll(); })
{
    timer_.set_slack(100ms);
    timer_.start_every(2s);
}

void PeerView::ask(const json& request, std::chrono::milliseconds timeout, Answer answer)
{
    if (!transport_.any_live())
        return answer.failed({bus::ErrorCode::unreachable,
                              "all links to the peer are down; see \"roleswap links\""});
    const auto text = request.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > link::message_bytes_max) return answer.failed(too_long(request, text.size()));
    transport_.request(wire::view(text), timeout, [answer = std::move(answer)](link::Answer reply) {
        if (const auto* error = std::get_if<link::RequestError>(&reply))
            return answer.failed(unanswered(*error));
        answer_from_reply(std::string(wire::text(std::get<wire::Bytes>(reply))), answer);
    });
}

void PeerView::poll()
{
    ask(status_request, 900ms,
        {[this](const json& status) {
             last_ = status;
             on_news_(last_);
         },
         [this](const bus::Error&) { last_["reachable"] = false; }});
}

void PeerView::fresh(std::function<void(const json&)> done)
{
    ask(status_request, 400ms,
        {[this, done](const json& status) {
             last_ = status;
             done(last_);
         },
         [this, done](const bus::Error&) {
             last_["reachable"] = false;
             done(last_);
         }});
}

} // namespace roleswap::daemon
