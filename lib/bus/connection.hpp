#pragma once
#include "bus/server.hpp"
#include <memory>
#include <set>
#include <string>
#include <systemd/sd-bus.h>

namespace roleswap::bus {

struct CloseBusNow {
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
};
struct CloseMessage {
    void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using MessageHandle = std::unique_ptr<sd_bus_message, CloseMessage>;

class Connection;

/// One call that waits for its answer.  `connection` is null once the client has gone.
struct Call {
    MessageHandle message;
    Connection* connection = nullptr;
    int exceptions = 0; ///< std::uncaught_exceptions() when it was made
};

/// Throws std::system_error with -result when it is negative.
int check_bus(int result, const char* what);
/// ASCII only, since sd-bus refuses some valid UTF-8 (noncharacters); broken UTF-8 is replaced.
std::string to_text(const nlohmann::json& value);

/// One client of the control socket.  Private to lib/bus; the server owns all of them and removes
/// the gone ones at the next turn of the loop, never from inside a callback.
class Connection {
public:
    Connection(Server& server, event::UniqueFd client, const Caller& caller);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    bool gone() const { return gone_; }
    uid_t uid() const { return caller_.uid; }
    /// Signals to one client; one that does not read is disconnected.
    void signal(const char* member, const std::string* text);

    // Called by Call's deleter and by Responder.
    void answered(Call& call) noexcept { open_.erase(&call); }
    bool dispatching() const { return dispatching_; }
    void keep_orphan(std::unique_ptr<Call, DropCall> call) noexcept { orphan_ = std::move(call); }

    // Trampolines of sd-bus.
    static int on_method(sd_bus_message*, void*, sd_bus_error*) noexcept;
    static int on_disconnect(sd_bus_message*, void*, sd_bus_error*) noexcept;
    static int on_property(sd_bus*, const char*, const char*, const char*, sd_bus_message*, void*,
                           sd_bus_error*) noexcept;

private:
    void dispatch(sd_bus_message* message);
    void handle(const Verb& verb, const nlohmann::json& args, sd_bus_message* message);
    nlohmann::json read_args(const Verb& verb, sd_bus_message* message) const;
    const Caller& caller();
    void append_property(const std::string& name, sd_bus_message* reply) const;
    std::size_t queued() const;
    void leave() noexcept;

    Server& server_;
    Caller caller_;
    bool caller_known_ = false;
    bool gone_ = false;
    bool dispatching_ = false;
    std::set<Call*> open_;
    std::unique_ptr<Call, DropCall> orphan_; ///< its handler threw; the exception answers it
    std::unique_ptr<sd_bus, CloseBusNow> bus_;
};

/// The methods, properties and signals of the interface, made of the verb table.
const sd_bus_vtable* manager_vtable();
/// What generic D-Bus clients expect of a bus daemon: Hello, AddMatch, RemoveMatch, GetNameOwner.
const sd_bus_vtable* driver_vtable();
/// Null when no verb has that D-Bus member name.
const Verb* find_method(std::string_view member);

} // namespace roleswap::bus
