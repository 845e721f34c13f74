#include "null_modem.hpp"
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

namespace roleswap::link::test {

NullModem::NullModem(event::Loop& loop) : loop_(loop)
{
    plug(0);
    plug(1);
}

void NullModem::plug(unsigned side)
{
    auto& end = sides_.at(side);
    end.master = event::UniqueFd(event::check(
        ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), "make a pseudo-terminal"));
    event::check(::grantpt(end.master.get()), "grant");
    event::check(::unlockpt(end.master.get()), "unlock");
    std::array<char, 64> name{};
    ::ptsname_r(end.master.get(), name.data(), name.size());
    end.path = name.data();
    termios terminal{}; // or what comes before the port is opened would be echoed
    ::tcgetattr(end.master.get(), &terminal);
    ::cfmakeraw(&terminal);
    ::tcsetattr(end.master.get(), TCSANOW, &terminal);
    // Edge-triggered: a terminal that nobody has open is hung up all the time.
    end.io = std::make_unique<event::Io>(loop_, end.master.get(), EPOLLIN | EPOLLET,
                                         [this, side](std::uint32_t) { copy(side); });
}

void NullModem::unplug(unsigned side)
{
    sides_.at(side).io.reset();
    sides_.at(side).master.reset();
}

void NullModem::set_filter(unsigned side, std::function<void(wire::Bytes&)> filter)
{
    sides_.at(side).filter = std::move(filter);
}

void NullModem::inject(unsigned side, wire::View bytes)
{
    if (sides_.at(side).master)
        (void)!::write(sides_.at(side).master.get(), bytes.data(), bytes.size());
}

void NullModem::copy(unsigned from)
{
    auto& end = sides_.at(from);
    wire::Bytes bytes(4096);
    for (;;) {
        bytes.resize(4096);
        const auto got = ::read(end.master.get(), bytes.data(), bytes.size());
        if (got <= 0) return;
        bytes.resize(static_cast<std::size_t>(got));
        sent.at(from) += bytes.size();
        if (end.filter) end.filter(bytes);
        if (!end.cut) inject(1 - from, bytes);
    }
}

} // namespace roleswap::link::test
