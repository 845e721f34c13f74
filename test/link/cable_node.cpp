/// One node for test/link/cables: `cable_node first|second BOOT`.  Sends and counts a numbered
/// message each millisecond; prints each change of a link with the time since boot; the line
/// `report` on standard input asks the peer what it got.
#include "link/transport.hpp"
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <sys/epoll.h>
#include <unistd.h>

using namespace roleswap;
using namespace roleswap::link;
using namespace std::chrono_literals;

namespace {

template <typename... Args> void say(fmt::format_string<Args...> format, Args&&... args)
{
    fmt::print(format, std::forward<Args>(args)...);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

Options options(core::Node self, std::uint64_t boot)
{
    Options options;
    options.key.fill(3);
    options.pair = "cables";
    options.self = self;
    options.boot = boot;
    const bool first = self == core::Node::first;
    const auto add = [&](const char* name, const char* one, const char* two) {
        options.links.push_back({name, first ? one : two, first ? two : one, 7431, ""});
    };
    add("lan-a", "10.77.1.1", "10.77.1.2");
    add("lan-b", "10.77.2.1", "10.77.2.2");
    add("crossover", "fd77::1", "fd77::2");
    return options;
}

class CableNode final : public Handler {
public:
    CableNode(core::Node self, std::uint64_t boot)
        : transport_(loop_, options(self, boot), *this), beat_(loop_, [this] { beat(); }),
          input_(loop_, 0, EPOLLIN, [this](std::uint32_t) { read_command(); })
    {
        beat_.start_every(1ms);
    }
    int run() { return loop_.run(); }

    void on_message(wire::View bytes, std::size_t) override
    {
        const auto number = wire::Reader(bytes).u64();
        if (!got_.insert(number).second) ++twice_;
    }
    void on_request(wire::View, Responder responder) override
    {
        const auto newest = got_.empty() ? 0 : *got_.rbegin();
        const auto lost = got_.empty() ? 0 : newest - *got_.begin() + 1 - got_.size();
        responder.reply(
            wire::view(fmt::format("newest={} lost={} twice={}", newest, lost, twice_)));
    }
    void on_link(std::size_t, const LinkStatus& status) override
    {
        say("{} {} {} device={}", to_string(status.state), status.name,
            event::Loop::now().count() / 1000, status.device);
    }

private:
    void beat()
    {
        wire::Writer out;
        out.u64(++sent_);
        transport_.broadcast(out.take());
    }
    void read_command()
    {
        std::array<char, 64> buffer{};
        if (::read(0, buffer.data(), buffer.size()) <= 0) return loop_.exit(0);
        for (std::size_t link = 0; link < transport_.links(); ++link) say_status(link);
        transport_.request({}, 5s, [](const Answer& answer) {
            const auto* reply = std::get_if<wire::Bytes>(&answer);
            say("report {}", reply != nullptr ? wire::text(*reply) : "failed");
        });
    }
    void say_status(std::size_t link) const
    {
        const auto status = transport_.status(link);
        say("link {} rtt_ms={:.3f} loss={:.3f} send_errors={} trouble=\"{}\"", status.name,
            status.rtt_ms.value_or(-1), status.loss(), status.send_errors, status.trouble);
    }
    event::Loop loop_;
    std::set<std::uint64_t> got_;
    std::uint64_t twice_ = 0;
    std::uint64_t sent_ = 0;
    Transport transport_;
    event::Timer beat_;
    event::Io input_;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3) return 2;
    const auto self = std::string_view(argv[1]) == "first" ? core::Node::first : core::Node::second;
    CableNode node(self, std::stoull(argv[2]));
    return node.run();
}
