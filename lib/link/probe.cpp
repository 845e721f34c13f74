#include "link/probe.hpp"
#include "link/icmp.hpp"
#include "link/tcp_probe.hpp"
#include <cstring>
#include <sodium.h>
#include <sys/epoll.h>
#include <system_error>
#include <utility>

namespace roleswap::link {
namespace {

constexpr int tries = 3;

} // namespace

class Prober::Impl {
public:
    Impl(event::Loop& loop, const std::vector<std::string>& addresses, event::Duration timeout);
    void ask(OnResult on_result);

private:
    struct Asker {
        OnResult on_result;
        event::Duration since;
    };
    struct Family {
        int family;
        std::unique_ptr<IcmpSocket> socket;
        std::unique_ptr<event::Io> io;
    };
    void open(Family& family);
    void send();
    void read(Family& family);
    void tick();
    void resolve(const ProbeResult& result, event::Duration asked_before);
    void connect(std::size_t index);
    void answered(std::size_t index);
    bool any_way() const
    {
        return families_[0].socket || families_[1].socket || !connections_.empty();
    }

    event::Loop& loop_;
    std::vector<Address> addresses_;
    event::Duration timeout_;
    EchoToken token_{};
    std::string trouble_;
    std::vector<Asker> askers_;
    Family families_[2] = {{AF_INET, {}, {}}, {AF_INET6, {}, {}}};
    /// In place of a family's ICMP socket where none may be made; of the present round.
    std::vector<std::unique_ptr<TcpProbe>> connections_;
    event::Timer timer_;
    event::Deferred at_once_;
};

Prober::Impl::Impl(event::Loop& loop, const std::vector<std::string>& addresses,
                   event::Duration timeout)
    : loop_(loop), timeout_(timeout), timer_(loop, [this] { tick(); }),
      at_once_(loop, [this] { tick(); })
{
    for (const auto& address : addresses) addresses_.emplace_back(address, std::uint16_t{0});
    randombytes_buf(token_.data(), token_.size());
}

void Prober::Impl::open(Family& family)
{
    if (family.socket) return;
    try {
        family.socket = std::make_unique<IcmpSocket>(family.family);
    } catch (const std::system_error& error) {
        trouble_ = error.what();
        return;
    }
    family.io = std::make_unique<event::Io>(loop_, family.socket->fd(), EPOLLIN,
                                            [this, &family](std::uint32_t) { read(family); });
}

void Prober::Impl::ask(OnResult on_result)
{
    askers_.push_back({std::move(on_result), event::Loop::now()});
    if (addresses_.empty()) return at_once_.trigger();
    trouble_.clear();
    send();
    if (!any_way())
        at_once_.trigger();
    else if (!timer_.running())
        timer_.start_every(timeout_ / tries);
}

void Prober::Impl::connect(std::size_t index)
{
    connections_.push_back(
        std::make_unique<TcpProbe>(loop_, addresses_[index], [this, index] { answered(index); }));
    if (!connections_.back()->trouble().empty())
        trouble_ = addresses_[index].text() + ": " + connections_.back()->trouble();
}

void Prober::Impl::answered(std::size_t index)
{
    ProbeResult result;
    result.kind = ProbeResult::Kind::reached;
    result.address = addresses_[index].text();
    resolve(result, event::Loop::now());
}

void Prober::Impl::send()
{
    connections_.clear();
    for (std::size_t index = 0; index < addresses_.size(); ++index) {
        const auto& address = addresses_[index];
        auto& family = families_[address.family() == AF_INET ? 0 : 1];
        open(family);
        if (!family.socket) {
            connect(index);
            continue;
        }
        const int error = family.socket->send(address, token_, static_cast<std::uint16_t>(index));
        if (error != 0) trouble_ = "send to " + address.text() + ": " + std::strerror(error);
    }
}

void Prober::Impl::read(Family& family)
{
    constexpr int packets_max = 1024; // others' answers reach a raw socket, too
    for (int packet = 0; packet < packets_max; ++packet) {
        std::uint16_t index = 0;
        const auto got = family.socket->receive(token_, index);
        if (got == IcmpSocket::Read::nothing) return;
        if (got == IcmpSocket::Read::other || index >= addresses_.size()) continue;
        answered(index);
    }
}

void Prober::Impl::tick()
{
    ProbeResult result;
    const auto now = event::Loop::now();
    for (auto& family : families_)
        if (family.socket) read(family); // this process may have slept over an answer
    if (!addresses_.empty())
        result.kind = any_way() ? ProbeResult::Kind::none_reached : ProbeResult::Kind::failed;
    result.why = trouble_;
    resolve(result, any_way() ? now - timeout_ : now);
    if (askers_.empty())
        timer_.stop();
    else
        send();
}

/// Calls those who asked not later than `asked_before`.
void Prober::Impl::resolve(const ProbeResult& result, event::Duration asked_before)
{
    std::vector<Asker> waiting;
    for (auto& asker : std::exchange(askers_, {})) {
        if (asker.since > asked_before) {
            waiting.push_back(std::move(asker));
            continue;
        }
        auto told = result;
        told.took = event::Loop::now() - asker.since;
        asker.on_result(told);
    }
    askers_.insert(askers_.begin(), std::make_move_iterator(waiting.begin()),
                   std::make_move_iterator(waiting.end()));
}

Prober::Prober(event::Loop& loop, const std::vector<std::string>& addresses,
               event::Duration timeout)
    : impl_(std::make_unique<Impl>(loop, addresses, timeout))
{
}

Prober::~Prober() = default;

void Prober::ask(OnResult on_result)
{
    impl_->ask(std::move(on_result));
}

} // namespace roleswap::link
