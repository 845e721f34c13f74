#include "witness/call.hpp"
#include "witness/gateway.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace roleswap::witness {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr long status_ok = 200;
constexpr long status_unauthorized = 401;

/// What the gateway says of an error, or the status where it says nothing.
std::string error_text(const http::Response& response)
{
    const auto object = json::parse(response.body, nullptr, false);
    if (object.is_object()) {
        for (const char* name : {"message", "error"}) {
            const auto found = object.find(name);
            if (found != object.end() && found->is_string()) return found->get<std::string>();
        }
    }
    return fmt::format("HTTP status {}", response.status);
}

/// etcd forgets tokens after five minutes without use, at its restart, and when rights change.
bool wants_login(const http::Response& response, const std::string& text)
{
    return response.status == status_unauthorized ||
           text.find("invalid auth token") != std::string::npos ||
           text.find("auth store is old") != std::string::npos ||
           text.find("user name is empty") != std::string::npos;
}

} // namespace

Call::Call(http::Client& client, Endpoint& endpoint, const Login& login, Question question,
           OnReply on_reply)
    : client_(client), endpoint_(endpoint), login_(login), question_(std::move(question)),
      on_reply_(std::move(on_reply)), deadline_(event::Loop::now() + question_.limit)
{
    if (!login_.user.empty() && endpoint_.token.empty())
        log_in();
    else
        ask();
}

Call::~Call()
{
    client_.cancel(request_);
}

void Call::send(const char* path, const std::string& body, http::OnDone on_done)
{
    http::Request request{endpoint_.url + path, body};
    request.headers = {"Content-Type: application/json"};
    const bool known = !endpoint_.token.empty() && std::string_view(path) != login_path;
    if (known) request.headers.push_back("Authorization: " + endpoint_.token);
    request.timeout = std::max<event::Duration>(deadline_ - event::Loop::now(), 1ms);
    request.connection = question_.connection;
    request_ = client_.start(request, std::move(on_done));
}

void Call::log_in()
{
    logged_in_ = true;
    endpoint_.token.clear();
    send(login_path, login_body(login_.user, login_.password),
         [this](const http::Outcome& outcome) { logged_in(outcome); });
}

void Call::logged_in(const http::Outcome& outcome)
{
    if (const auto* failure = std::get_if<http::Failure>(&outcome)) return fail(failure->why);
    const auto& response = std::get<http::Response>(outcome);
    const auto object = json::parse(response.body, nullptr, false);
    const auto text = error_text(response);
    if (response.status == status_ok && object.is_object() && object.contains("token") &&
        object["token"].is_string()) {
        endpoint_.token = object["token"].get<std::string>();
        return ask();
    }
    // An etcd without users answers whoever asks.
    if (text.find("authentication is not enabled") != std::string::npos) return ask();
    fail(fmt::format("user \"{}\" is not let in: {}", login_.user, text));
}

void Call::ask()
{
    send(question_.path.c_str(), question_.body,
         [this](const http::Outcome& outcome) { answered(outcome); });
}

void Call::answered(const http::Outcome& outcome)
{
    if (const auto* failure = std::get_if<http::Failure>(&outcome)) return fail(failure->why);
    const auto& response = std::get<http::Response>(outcome);
    if (response.status != status_ok) return refused(response);
    const auto object = json::parse(response.body, nullptr, false);
    if (!object.is_object()) return fail("what answers there is no etcd");
    on_reply_(&object, {});
}

void Call::refused(const http::Response& response)
{
    const auto text = error_text(response);
    if (!wants_login(response, text)) return fail(text);
    if (login_.user.empty())
        return fail(text + "; this etcd wants a user: set [witness] user and password_file");
    if (logged_in_) return fail(text);
    log_in();
}

void Call::fail(const std::string& why)
{
    on_reply_(nullptr, shown(why));
}

} // namespace roleswap::witness
