#include "link/tcp_probe.hpp"
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/epoll.h>

namespace roleswap::link {
namespace {

constexpr std::uint16_t echo_port = 7;

} // namespace

TcpProbe::TcpProbe(event::Loop& loop, const Address& host, std::function<void()> on_answer)
    : on_answer_(std::move(on_answer)),
      fd_(::socket(host.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      at_once_(loop, [this] {
          const auto callback = on_answer_; // it may destroy this probe
          callback();
      })
{
    const Address echo(host.text(), echo_port);
    const bool connected = fd_ && ::connect(fd_.get(), echo.get(), echo.size()) == 0;
    if (connected || errno != EINPROGRESS) {
        take(connected ? 0 : errno);
        return;
    }
    io_ = std::make_unique<event::Io>(loop, fd_.get(), EPOLLOUT, [this](std::uint32_t) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        io_.reset();
        take(error);
    });
}

void TcpProbe::take(int error)
{
    if (error == 0 || error == ECONNREFUSED) return at_once_.trigger();
    trouble_ = std::string("connect: ") + std::strerror(error);
}

} // namespace roleswap::link
