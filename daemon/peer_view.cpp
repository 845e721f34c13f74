#include "peer_view.hpp"
#include "dispatcher.hpp"

namespace roleswap::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const json status_request{
    {"verb", "node_status"}, {"args", json::object()}, {"uid", 0}, {"user", "root"}};

bus::Error unanswered(link::RequestError error)
{
    using bus::ErrorCode;
    if (error == link::RequestError::too_long)
        return {ErrorCode::bad_argument,
                "the request is longer than 1 MiB, the limit between the nodes; split it"};
    return {ErrorCode::unreachable,
            std::string("the peer did not answer: ") + std::string(link::to_string(error)) +
                "; what was asked may have been done: look with \"roleswap status\""};
}

} // namespace

PeerView::PeerView(event::Loop& loop, link::Transport& transport, OnNews on_news)
    : transport_(transport), on_news_(std::move(on_news)), timer_(loop, [this] { poll(); })
{
    timer_.start_every(1s);
}

void PeerView::ask(const json& request, std::chrono::milliseconds timeout, Answer answer)
{
    if (!transport_.any_live())
        return answer.failed({bus::ErrorCode::unreachable,
                              "all links to the peer are down; see \"roleswap links\""});
    const auto text = request.dump(-1, ' ', false, json::error_handler_t::replace);
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
