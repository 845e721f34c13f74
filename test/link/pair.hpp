#pragma once
#include "event/fd.hpp"
#include "gate.hpp"
#include "link/transport.hpp"
#include <functional>
#include <optional>

namespace roleswap::link::test {

/// One node with a loop of its own, so that a test can freeze it by not running it.
class TestNode final : public Handler {
public:
    TestNode(core::Node self, std::uint64_t boot);
    /// Options may be changed before this.
    void start();
    void stop();
    void restart(std::uint64_t boot);

    void on_message(wire::View bytes, std::size_t link) override;
    void on_request(wire::View bytes, Responder responder) override;
    void on_link(std::size_t index, const LinkStatus& status) override;

    struct Change {
        std::size_t link;
        LinkState state;
        Duration at;
    };
    Options options;
    Gates gates;
    event::Loop loop;
    std::size_t turns = 0; ///< of the loop, in which something was done
    std::vector<std::string> messages;
    std::map<std::string, int> executed; ///< requests by their first 32 bytes
    std::vector<Change> changes;
    std::function<void(wire::View, Responder)> answer; ///< default: the same bytes
    Transport& transport() { return *transport_; }
    std::uint64_t rejected(Rejection reason) const;
    bool all_up() const { return transport_ && transport_->live().size() == options.links.size(); }

private:
    std::optional<event::Timer> beat_;
    std::optional<Transport> transport_;
};

/// Two nodes over three cables on loopback addresses.
class TestPair {
public:
    TestPair();
    /// Runs both loops until the condition holds; false after `limit`.
    bool run_until(const std::function<bool()>& condition,
                   Duration limit = std::chrono::seconds(10));
    /// The same with one node frozen.
    bool run_only(TestNode& node, const std::function<bool()>& condition,
                  Duration limit = std::chrono::seconds(10));
    void run_for(Duration time);
    bool come_up();
    /// Cuts a cable in both directions, or heals it.
    void cut(const std::string& link, bool cut);
    /// Brings bytes to `node` on the link from outside.
    void inject(const TestNode& node, std::size_t link, wire::View datagram) const;

    TestNode first{core::Node::first, 1};
    TestNode second{core::Node::second, 1};
};

/// What a peer whose protocol has another version sends to `node`, sealed with the right key.
wire::Bytes of_version(std::uint8_t version, const TestNode& node, std::size_t link);

double milliseconds(Duration time);

} // namespace roleswap::link::test
