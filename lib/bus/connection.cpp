#include "bus/connection.hpp"
#include "base/command_name.hpp"
#include "bus/credentials.hpp"
#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <system_error>

namespace roleswap::bus {

int check_bus(int result, const char* what)
{
    if (result < 0) throw std::system_error(-result, std::generic_category(), what);
    return result;
}

std::string to_text(const nlohmann::json& value)
{
    return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Connection::Connection(Server& server, event::UniqueFd client, const Caller& caller)
    : server_(server), caller_(caller)
{
    sd_bus* bus = nullptr;
    check_bus(sd_bus_new(&bus), "sd_bus_new");
    bus_.reset(bus);
    check_bus(sd_bus_set_fd(bus, client.get(), client.get()), "sd_bus_set_fd");
    client.release(); // the bus closes it from now on
    sd_id128_t id{};
    check_bus(sd_id128_randomize(&id), "sd_id128_randomize");
    check_bus(sd_bus_set_server(bus, 1, id), "sd_bus_set_server");
    check_bus(sd_bus_set_sender(bus, bus_name), "sd_bus_set_sender");
    check_bus(sd_bus_start(bus), "sd_bus_start");
    check_bus(
        sd_bus_add_object_vtable(bus, nullptr, object_path, interface_name, manager_vtable(), this),
        "add the interface");
    check_bus(sd_bus_add_object_vtable(bus, nullptr, "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", driver_vtable(), this),
              "add the driver interface");
    check_bus(sd_bus_match_signal(bus, nullptr, nullptr, "/org/freedesktop/DBus/Local",
                                  "org.freedesktop.DBus.Local", "Disconnected", on_disconnect,
                                  this),
              "watch the disconnection");
    check_bus(sd_bus_attach_event(bus, server.loop_.get(), SD_EVENT_PRIORITY_NORMAL),
              "attach to the loop");
}

Connection::~Connection()
{
    for (Call* call : open_) call->connection = nullptr;
}

void Connection::leave() noexcept
{
    gone_ = true;
    server_.sweeper_.trigger();
}

std::size_t Connection::queued() const
{
    std::uint64_t messages = 0;
    sd_bus_get_n_queued_write(bus_.get(), &messages);
    return messages;
}

void Connection::signal(const char* member, const std::string* text)
{
    if (gone_ || !sd_bus_is_ready(bus_.get())) return;
    const int sent = text ? sd_bus_emit_signal(bus_.get(), object_path, interface_name, member, "s",
                                               text->c_str())
                          : sd_bus_emit_signal(bus_.get(), object_path, interface_name, member, "");
    if (sent < 0 || queued() > server_.options_.limits.queued_messages) leave();
}

const Caller& Connection::caller()
{
    if (!caller_known_) complete(caller_, server_.options_.group);
    caller_known_ = true;
    return caller_;
}

nlohmann::json Connection::read_args(const Verb& verb, sd_bus_message* message) const
{
    const char* text = nullptr;
    check_bus(sd_bus_message_read(message, "s", &text), "read the argument");
    const std::string_view view = text;
    const std::size_t limit = server_.options_.limits.argument_bytes;
    if (view.size() > limit)
        throw Error(ErrorCode::bad_argument, "The argument has " + std::to_string(view.size()) +
                                                 " bytes; at most " + std::to_string(limit) +
                                                 " are allowed: give it in parts.");
    if (view.empty()) return nlohmann::json::object();
    auto args = nlohmann::json::parse(view, nullptr, false);
    if (!args.is_object())
        throw Error(ErrorCode::bad_argument,
                    "The argument of \"" + base::command_name(verb.name) +
                        "\" must be one JSON object: " + std::string(verb.args));
    return args;
}

void Connection::handle(const Verb& verb, const nlohmann::json& args, sd_bus_message* message)
{
    std::unique_ptr<Call, DropCall> call(
        new Call{MessageHandle(sd_bus_message_ref(message)), this, std::uncaught_exceptions()});
    open_.insert(call.get());
    Responder responder(std::move(call));
    dispatching_ = true;
    try {
        server_.on_call_(verb, args, caller(), std::move(responder));
        dispatching_ = false;
    } catch (...) {
        dispatching_ = false;
        if (orphan_) responder = Responder(std::move(orphan_));
        if (responder.answered()) throw; // answered and then failed: a bug of the handler
        try {
            throw;
        } catch (const Error& error) {
            responder.fail(error);
        } catch (const std::exception& error) {
            responder.fail(Error(ErrorCode::failed, error.what()));
        }
    }
}

void Connection::dispatch(sd_bus_message* message)
{
    const Limits& limits = server_.options_.limits;
    if (queued() > limits.open_calls) return leave();
    const Verb* verb = find_method(sd_bus_message_get_member(message));
    if (!verb) throw Error(ErrorCode::bad_argument, "There is no such verb.");
    if (open_.size() >= limits.open_calls)
        throw Error(ErrorCode::refused, "This connection has " + std::to_string(open_.size()) +
                                            " unanswered calls; wait for one of them.");
    if (verb->access == Access::act && !caller().may_act)
        throw Error(ErrorCode::denied, "User " + caller().user + " may look but not act: \"" +
                                           base::command_name(verb->name) +
                                           "\" needs root or a member of the group " +
                                           server_.options_.group + ".");
    handle(*verb, read_args(*verb, message), message);
}

int Connection::on_method(sd_bus_message* message, void* self, sd_bus_error* error) noexcept
{
    auto& connection = *static_cast<Connection*>(self);
    try {
        if (!connection.gone_) connection.dispatch(message);
        return 1;
    } catch (const Error& failure) {
        return sd_bus_error_set(error, error_name(failure.code()).c_str(), failure.what());
    } catch (...) {
        connection.server_.loop_.fail();
        return -EIO;
    }
}

int Connection::on_disconnect(sd_bus_message*, void* self, sd_bus_error*) noexcept
{
    static_cast<Connection*>(self)->leave();
    return 1;
}

void Connection::append_property(const std::string& name, sd_bus_message* reply) const
{
    const Properties now = server_.on_properties_();
    if (name == "Epoch") {
        check_bus(sd_bus_message_append(reply, "t", now.epoch), "append a property");
        return;
    }
    const std::string& text = name == "Role" ? now.role : (name == "Node" ? now.node : now.version);
    check_bus(sd_bus_message_append(reply, "s", text.c_str()), "append a property");
}

int Connection::on_property(sd_bus*, const char*, const char*, const char* name,
                            sd_bus_message* reply, void* self, sd_bus_error*) noexcept
{
    auto& connection = *static_cast<Connection*>(self);
    try {
        connection.append_property(name, reply);
        return 1;
    } catch (...) {
        connection.server_.loop_.fail();
        return -EIO;
    }
}

} // namespace roleswap::bus
