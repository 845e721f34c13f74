#pragma once
#include "link/port.hpp"
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace roleswap::link::test {

/// What the test does to one direction of one cable.
struct Gate {
    bool cut = false;    ///< lose all, silently
    bool parked = false; ///< keep in `kept` instead of sending
    double loss = 0;     ///< 0 to 1
    int error = 0;       ///< errno that every send returns
    unsigned reads = 0;  ///< of the socket, whatever they found
    std::deque<wire::Bytes> kept;
    std::minstd_rand random{1};
};

/// Our own port interface, decorated: a cable that obeys a Gate.
class GatedPort final : public Port {
public:
    GatedPort(std::unique_ptr<Port> inner, Gate& gate) : inner_(std::move(inner)), gate_(gate) {}
    int fd() const override { return inner_->fd(); }
    std::string device() const override { return inner_->device(); }
    int send(wire::View datagram) override
    {
        if (gate_.error != 0) return gate_.error;
        if (gate_.parked) gate_.kept.emplace_back(datagram.begin(), datagram.end());
        const bool lost = std::uniform_real_distribution<>(0, 1)(gate_.random) < gate_.loss;
        return gate_.parked || gate_.cut || lost ? 0 : inner_->send(datagram);
    }
    std::optional<std::size_t> receive(std::span<std::uint8_t> buffer) override
    {
        ++gate_.reads;
        return inner_->receive(buffer);
    }

    bool gone() const override { return inner_->gone(); }

private:
    std::unique_ptr<Port> inner_;
    Gate& gate_;
};

/// Gates by the name of the link; they outlive the transports.
using Gates = std::map<std::string, Gate>;

inline PortMaker gated(Gates& gates)
{
    return [&gates](const LinkOptions& link) -> std::unique_ptr<Port> {
        return std::make_unique<GatedPort>(open_port(link), gates[link.name]);
    };
}

} // namespace roleswap::link::test
