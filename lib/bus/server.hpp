#pragma once
#include "bus/responder.hpp"
#include "bus/verb.hpp"
#include "event/fd.hpp"
#include "event/loop.hpp"
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <sys/types.h>

namespace roleswap::bus {

inline constexpr const char* bus_name = "org.roleswap1";
inline constexpr const char* interface_name = "org.roleswap1.Manager";
inline constexpr const char* object_path = "/org/roleswap1";

/// Who called, as the kernel says (SO_PEERCRED of the connection).
struct Caller {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
    std::string user; ///< name of `uid`, or its number where it has none
    bool may_act = false;
};

/// The read-only properties of the interface, asked for when a client reads them.
struct Properties {
    std::string role;
    std::uint64_t epoch = 0;
    std::string node;
    std::string version;
};

struct Limits {
    std::size_t connections = 128;        ///< of all users; further ones are closed at once
    std::size_t connections_of_user = 64; ///< of one user other than root and the daemon's
    std::size_t open_calls = 64;          ///< unanswered calls of one connection
    std::size_t argument_bytes = 4 * 1024 * 1024;
    std::size_t queued_messages = 1024; ///< unread by a client before it is disconnected
};

class Connection;

/// The control socket: a D-Bus server of its own without a bus daemon.  Checks the credentials, the
/// access of the verb and that the argument is a JSON object before it calls the handler; a handler
/// may answer at once or later.  An exception of type Error thrown by the handler answers with it,
/// any other std::exception answers Failed with its text.  Pinned; one per daemon.
class Server {
public:
    struct Options {
        std::string path;               ///< of the socket; its folder must exist
        std::string group = "roleswap"; ///< whose members may act; may be unknown to the system
        Limits limits;
    };
    using OnCall =
        std::function<void(const Verb&, const nlohmann::json& args, const Caller&, Responder)>;
    using OnProperties = std::function<Properties()>;

    /// Takes over the socket file of a dead daemon.  Throws std::runtime_error when a living one
    /// answers there or the path holds something else, std::system_error when it cannot listen.
    Server(event::Loop& loop, Options options, OnCall on_call, OnProperties on_properties);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Signal Event(s): one event object, as in the result of verb "events".
    void event(const nlohmann::json& event);
    /// Signal Changed(): something that status shows is different now.  At most one is sent per
    /// 50 ms, the last one always.
    void changed();

    std::size_t connections() const { return connections_.size(); }

private:
    friend class Connection;
    void accept();
    void admit(event::UniqueFd client);
    void sweep();
    void changed_again();
    void broadcast(const char* member, const std::string* text);

    event::Loop& loop_;
    Options options_;
    OnCall on_call_;
    OnProperties on_properties_;
    event::UniqueFd listener_;
    std::list<std::unique_ptr<Connection>> connections_;
    event::Deferred sweeper_;
    event::Timer changed_timer_;
    event::Timer accept_timer_;
    bool changed_again_ = false;
    std::unique_ptr<event::Io> io_;
};

} // namespace roleswap::bus
