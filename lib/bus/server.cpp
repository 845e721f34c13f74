#include "bus/server.hpp"
#include "bus/connection.hpp"
#include "bus/credentials.hpp"
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace roleswap::bus {
namespace {

using namespace std::chrono_literals;
constexpr event::Duration changed_gap = 50ms;
constexpr event::Duration accept_pause = 200ms;

sockaddr_un address_of(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw std::runtime_error("The path of the control socket " + path + " has " +
                                 std::to_string(path.size()) + " bytes; 1 to " +
                                 std::to_string(sizeof address.sun_path - 1) + " are allowed.");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

event::UniqueFd make_socket()
{
    return event::UniqueFd(event::check(
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "make a socket"));
}

/// Removes the socket file a dead daemon left behind; never that of a living one.
void remove_stale(const std::string& path, const sockaddr_un& address)
{
    struct stat found {};
    if (lstat(path.c_str(), &found) < 0) {
        if (errno == ENOENT) return;
        event::check(-1, "look at " + path);
    }
    if (!S_ISSOCK(found.st_mode))
        throw std::runtime_error(path + " is there already and is no socket; remove it.");
    const auto probe = make_socket();
    const int connected =
        connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (connected == 0 || errno == EAGAIN)
        throw std::runtime_error("Another roleswapd answers at " + path + "; stop it first.");
    if (errno != ECONNREFUSED) event::check(-1, "connect to " + path);
    event::check(unlink(path.c_str()), "remove " + path);
}

event::UniqueFd listen_at(const std::string& path)
{
    const auto address = address_of(path);
    remove_stale(path, address);
    auto listener = make_socket();
    event::check(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                 "bind " + path);
    // Everybody may connect; the credentials decide what they may do.
    event::check(chmod(path.c_str(), 0666), "open " + path + " to all users");
    event::check(listen(listener.get(), SOMAXCONN), "listen at " + path);
    return listener;
}

} // namespace

Server::Server(event::Loop& loop, Options options, OnCall on_call, OnProperties on_properties)
    : loop_(loop), options_(std::move(options)), on_call_(std::move(on_call)),
      on_properties_(std::move(on_properties)), listener_(listen_at(options_.path)),
      sweeper_(loop, [this] { sweep(); }), changed_timer_(loop, [this] { changed_again(); }),
      accept_timer_(loop, [this] { io_->set_events(EPOLLIN); })
{
    io_ = std::make_unique<event::Io>(loop, listener_.get(), EPOLLIN,
                                      [this](std::uint32_t) { accept(); });
}

Server::~Server()
{
    unlink(options_.path.c_str());
}

void Server::accept()
{
    for (int turn = 0; turn < 16; ++turn) {
        event::UniqueFd client(
            accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (client) {
            admit(std::move(client));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            io_->set_events(0); // else the loop would spin until a descriptor is free
            return accept_timer_.start_in(accept_pause);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/// A client that cannot be served is closed; no client may end the daemon.
void Server::admit(event::UniqueFd client)
{
    const Caller caller = peer_of(client.get());
    const auto same = [&](const auto& other) { return other->uid() == caller.uid; };
    const bool privileged = caller.uid == 0 || caller.uid == geteuid();
    if (!privileged && connections_.size() >= options_.limits.connections) return;
    const auto own = static_cast<std::size_t>(std::ranges::count_if(connections_, same));
    if (!privileged && own >= options_.limits.connections_of_user) return;
    try {
        connections_.push_back(std::make_unique<Connection>(*this, std::move(client), caller));
    } catch (const std::system_error&) {
        return; // it went away while it was greeted
    }
}

void Server::sweep()
{
    std::erase_if(connections_, [](const auto& connection) { return connection->gone(); });
}

void Server::broadcast(const char* member, const std::string* text)
{
    for (const auto& connection : connections_) connection->signal(member, text);
}

void Server::event(const nlohmann::json& event)
{
    const std::string text = to_text(event);
    broadcast("Event", &text);
}

void Server::changed()
{
    if (changed_timer_.running()) {
        changed_again_ = true;
        return;
    }
    broadcast("Changed", nullptr);
    changed_timer_.start_in(changed_gap);
}

void Server::changed_again()
{
    if (std::exchange(changed_again_, false)) changed();
}

} // namespace roleswap::bus
