#include "pair.hpp"
#include "link/address.hpp"
#include "link/seal.hpp"
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace roleswap::link::test {
namespace {

std::uint16_t test_port()
{
    return static_cast<std::uint16_t>(20000 + ::getpid() % 12000);
}

/// 127.0.CABLE.NODE
std::string address(int cable, core::Node node)
{
    return "127.0." + std::to_string(cable) + (node == core::Node::first ? ".1" : ".2");
}

void turn(TestNode& node)
{
    for (int events = 0; events < 64; ++events) {
        if (event::check(sd_event_run(node.loop.get(), 0), "run the loop") == 0) return;
        ++node.turns;
    }
}

void wait(const std::vector<TestNode*>& nodes)
{
    std::vector<pollfd> fds;
    for (auto* node : nodes) fds.push_back({sd_event_get_fd(node->loop.get()), POLLIN, 0});
    ::poll(fds.data(), fds.size(), 1);
}

bool run(const std::vector<TestNode*>& nodes, const std::function<bool()>& condition,
         Duration limit)
{
    const auto end = event::Loop::now() + limit;
    while (!condition()) {
        if (event::Loop::now() >= end) return false;
        for (auto* node : nodes) turn(*node);
        if (!condition()) wait(nodes);
    }
    return true;
}

} // namespace

TestNode::TestNode(core::Node self, std::uint64_t boot)
{
    options.key.fill(7);
    options.pair = "alpha";
    options.self = self;
    options.boot = boot;
    int cable = 0;
    for (const auto* name : {"lan-a", "lan-b", "crossover"}) {
        ++cable;
        options.links.push_back(
            {name, address(cable, self), address(cable, core::other(self)), test_port(), ""});
    }
    options.make_port = gated(gates);
}

void TestNode::start()
{
    transport_.emplace(loop, options, *this);
    beat_.emplace(loop, [this] { transport_->broadcast(wire::view("beat")); });
    beat_->start_every(options.heartbeat);
}

void TestNode::stop()
{
    beat_.reset();
    transport_.reset();
}

void TestNode::restart(std::uint64_t boot)
{
    stop();
    options.boot = boot;
    start();
}

void TestNode::on_message(wire::View bytes, std::size_t)
{
    if (wire::text(bytes) != "beat") messages.emplace_back(wire::text(bytes));
}

void TestNode::on_request(wire::View bytes, Responder responder)
{
    executed[std::string(wire::text(bytes.first(std::min<std::size_t>(32, bytes.size()))))] += 1;
    if (answer)
        answer(bytes, responder);
    else
        responder.reply(bytes);
}

void TestNode::on_link(std::size_t index, const LinkStatus& status)
{
    changes.push_back({index, status.state, event::Loop::now()});
}

std::uint64_t TestNode::rejected(Rejection reason) const
{
    std::uint64_t sum = 0;
    for (std::size_t link = 0; link < transport_->links(); ++link)
        sum += transport_->status(link).rejected_for(reason);
    return sum;
}

TestPair::TestPair()
{
    first.start();
    second.start();
}

bool TestPair::run_until(const std::function<bool()>& condition, Duration limit)
{
    return run({&first, &second}, condition, limit);
}

bool TestPair::run_only(TestNode& node, const std::function<bool()>& condition, Duration limit)
{
    return run({&node}, condition, limit);
}

void TestPair::run_for(Duration time)
{
    const auto end = event::Loop::now() + time;
    run_until([&] { return event::Loop::now() >= end; }, 2 * time);
}

bool TestPair::come_up()
{
    return run_until([&] { return first.all_up() && second.all_up(); });
}

void TestPair::cut(const std::string& link, bool cut)
{
    first.gates[link].cut = cut;
    second.gates[link].cut = cut;
}

void TestPair::inject(const TestNode& node, std::size_t link, wire::View datagram) const
{
    const auto& options = node.options.links.at(link);
    const Address to(options.local, options.port);
    const event::UniqueFd fd(
        event::check(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0), "make socket"));
    event::check(static_cast<int>(
                     ::sendto(fd.get(), datagram.data(), datagram.size(), 0, to.get(), to.size())),
                 "inject");
}

wire::Bytes of_version(std::uint8_t version, const TestNode& node, std::size_t link)
{
    const Seal seal(node.options.key, node.options.pair, core::other(node.options.self));
    const wire::Header header{version, seal.pair_tag(), core::other(node.options.self),
                              static_cast<std::uint8_t>(link)};
    const wire::Envelope envelope{.boot = 1000, .sequence = 1};
    Nonces nonces(1);
    return seal.close(wire::encode(header),
                      wire::encode(envelope, wire::Broadcast{wire::view("old")}), nonces);
}

double milliseconds(Duration time)
{
    return static_cast<double>(time.count()) / 1000;
}

} // namespace roleswap::link::test
