#include "relay.hpp"
#include "etcd.hpp"
#include <arpa/inet.h>
#include <array>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace roleswap::test {
namespace {

sockaddr_in loopback(int port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

event::UniqueFd make_socket()
{
    return event::UniqueFd(
        event::check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
}

event::UniqueFd listen_on(int port)
{
    auto fd = make_socket();
    const auto address = loopback(port);
    event::check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                 "bind");
    event::check(::listen(fd.get(), 100), "listen");
    return fd;
}

} // namespace

Relay::Relay(event::Loop& loop, int to_port)
    : loop_(loop), port_(free_port()), to_port_(to_port), listening_(listen_on(port_)),
      on_connection_(loop, listening_.get(), EPOLLIN, [this](std::uint32_t) { accept(); })
{
}

std::string Relay::url() const
{
    return fmt::format("http://127.0.0.1:{}", port_);
}

void Relay::accept()
{
    auto pipe = std::make_unique<Pipe>();
    pipe->from = event::UniqueFd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pipe->to = make_socket();
    const auto address = loopback(to_port_);
    if (!pipe->from ||
        ::connect(pipe->to.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return;
    auto& one = *pipe;
    one.watch_from =
        std::make_unique<event::Io>(loop_, one.from.get(), EPOLLIN, [this, &one](std::uint32_t) {
            carry(one, one.from.get(), one.to.get());
        });
    one.watch_to =
        std::make_unique<event::Io>(loop_, one.to.get(), EPOLLIN, [this, &one](std::uint32_t) {
            carry(one, one.to.get(), one.from.get());
        });
    pipes_.push_back(std::move(pipe));
}

void Relay::carry(Pipe& pipe, int from, int to)
{
    std::array<char, 16384> bytes{};
    const auto got = ::read(from, bytes.data(), bytes.size());
    if (got > 0 && ::write(to, bytes.data(), static_cast<std::size_t>(got)) == got) return;
    pipe.watch_from.reset();
    pipe.watch_to.reset();
    ::shutdown(pipe.from.get(), SHUT_RDWR);
    ::shutdown(pipe.to.get(), SHUT_RDWR);
}

void Relay::forget()
{
    for (const auto& pipe : pipes_) {
        pipe->watch_from.reset();
        pipe->watch_to.reset();
    }
}

} // namespace roleswap::test
