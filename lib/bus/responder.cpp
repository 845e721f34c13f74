#include "bus/responder.hpp"
#include "base/ensure.hpp"
#include "bus/connection.hpp"
#include "bus/verb.hpp"
#include <exception>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

namespace roleswap::bus {
namespace {

/// The client may have gone, or be going: then nobody wants the answer.
void send_error(sd_bus_message* call, const Error& error) noexcept
{
    const std::string name = error_name(error.code());
    sd_bus_error reply{};
    sd_bus_error_set(&reply, name.c_str(), error.what());
    sd_bus_reply_method_error(call, &reply);
    sd_bus_error_free(&reply);
}

/// Whatever cannot be sent is told, or the client would wait for nothing.
void send_result(sd_bus_message* call, const std::string& text) noexcept
{
    if (text.size() > message_bytes_max)
        return send_error(call, Error(ErrorCode::failed,
                                      "The answer has " + std::to_string(text.size()) +
                                          " bytes; at most " + std::to_string(message_bytes_max) +
                                          " can be sent.  Ask for less."));
    const int sent = sd_bus_reply_method_return(call, "s", text.c_str());
    if (sent < 0)
        send_error(call, Error(ErrorCode::failed, "The answer of " + std::to_string(text.size()) +
                                                      " bytes cannot be sent: " +
                                                      std::generic_category().message(-sent)));
}

void forget(Call& call) noexcept
{
    if (call.connection) std::exchange(call.connection, nullptr)->answered(call);
}

} // namespace

void DropCall::operator()(Call* call) const noexcept
{
    std::unique_ptr<Call> owned(call);
    if (!call->message) return;
    Connection* connection = call->connection;
    if (connection && connection->dispatching() && std::uncaught_exceptions() > call->exceptions) {
        connection->keep_orphan(std::unique_ptr<Call, DropCall>(owned.release()));
        return;
    }
    send_error(call->message.get(), Error(ErrorCode::failed, "The daemon gave no answer."));
    forget(*call);
}

Responder::Responder(std::unique_ptr<Call, DropCall> call) noexcept : call_(std::move(call))
{
}

void Responder::done(const nlohmann::json& result)
{
    base::ensure(!answered(), "a call is answered once");
    if (call_->connection) send_result(call_->message.get(), to_text(result));
    forget(*call_);
    call_->message.reset();
    call_.reset();
}

void Responder::fail(const Error& error)
{
    base::ensure(!answered(), "a call is answered once");
    if (call_->connection) send_error(call_->message.get(), error);
    forget(*call_);
    call_->message.reset();
    call_.reset();
}

bool Responder::wanted() const
{
    return call_ && call_->connection;
}

Waiting::Ticket Waiting::add(Responder responder)
{
    waiting_.emplace(next_, std::move(responder));
    return next_++;
}

void Waiting::done(Ticket ticket, const nlohmann::json& result)
{
    auto found = waiting_.extract(ticket);
    if (found) found.mapped().done(result);
}

void Waiting::fail(Ticket ticket, const Error& error)
{
    auto found = waiting_.extract(ticket);
    if (found) found.mapped().fail(error);
}

void Waiting::fail_all(const Error& error)
{
    auto all = std::exchange(waiting_, {});
    for (auto& [ticket, responder] : all) responder.fail(error);
}

} // namespace roleswap::bus
