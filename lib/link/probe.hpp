#pragma once
#include "event/loop.hpp"
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace roleswap::link {

struct ProbeResult {
    enum class Kind : std::uint8_t {
        reached,         ///< one of the addresses answered
        none_reached,    ///< none did in time; `why` where requests could not be sent
        none_configured, ///< there is no address to ask
        failed,          ///< no socket of any kind can be made: nothing is known; `why`
    };
    Kind kind = Kind::none_configured;
    std::string address;     ///< who answered first
    event::Duration took{0}; ///< until that answer
    std::string why;         ///< last error of sending or of making a socket, with its remedy
};

/// Asks addresses whether the LAN is well: ICMP echo (RFC 792, RFC 4443) by ping sockets
/// (icmp(7), SOCK_DGRAM), or raw ones where net.ipv4.ping_group_range forbids those; a daemon that
/// may make neither tries a TCP connection instead, see TcpProbe.
class Prober {
public:
    using OnResult = std::function<void(const ProbeResult&)>;

    /// Throws std::invalid_argument for an address that is none.  A socket that cannot be made is
    /// told by each `ask`, and tried again.
    Prober(event::Loop& loop, const std::vector<std::string>& addresses,
           event::Duration timeout = std::chrono::milliseconds(150));
    ~Prober();
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    /// Asks all addresses at once, and again each third of the time-out; calls back once, later: at
    /// the first answer, or after the time-out.
    void ask(OnResult on_result);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace roleswap::link
