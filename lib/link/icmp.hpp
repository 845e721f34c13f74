#pragma once
#include "event/fd.hpp"
#include "link/address.hpp"
#include "wire/frame.hpp"
#include <optional>

namespace roleswap::link {

/// Marks the echoes of one Prober, so that those of others, and our own requests on loopback, are
/// not taken for answers.
using EchoToken = wire::Token;

/// One socket for ICMP echo of one family.  Non-blocking.
class IcmpSocket {
public:
    /// A ping socket (icmp(7)), else a raw one.  Throws std::system_error with the remedy where
    /// neither may be made.
    explicit IcmpSocket(int family);
    int fd() const { return fd_.get(); }
    /// Returns 0 or the errno.
    int send(const Address& to, const EchoToken& token, std::uint16_t sequence);
    enum class Read : std::uint8_t { nothing, other, echo };
    /// echo: `sequence` is that of an answer to `token`.
    Read receive(const EchoToken& token, std::uint16_t& sequence);

private:
    int family_;
    bool raw_ = false;
    event::UniqueFd fd_;
};

} // namespace roleswap::link
