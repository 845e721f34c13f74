#pragma once
#include "wire/bytes.hpp"
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace roleswap::link {

struct LinkOptions {
    std::string name;
    std::string local;         ///< IPv4 or IPv6 address of this node, "%device" after fe80::
    std::string remote;        ///< of the peer, of the same family
    std::uint16_t port = 7431; ///< UDP, on both nodes
    std::string device;        ///< empty: the one that carries `local`
    /// Above 0: a null-modem cable between the serial ports `local` and `remote`, paths of devices,
    /// 8N1.  It carries broadcasts and challenges only.
    std::uint32_t baud = 0;

    /// UDP: other sockets of this host use the same address and port for other nodes.
    bool shared = false;
    /// UDP: takes datagrams of `remote` only; of several that share a port the one of the sender.
    bool connected = false;

    bool is_serial() const { return baud > 0; }
};

/// The way to the peer over one cable.  Our own port, so that tests can lose, double and keep
/// datagrams.  Non-blocking.
class Port {
public:
    Port() = default;
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;
    virtual ~Port() = default;

    /// Readable when a datagram is there.
    virtual int fd() const = 0;
    /// The device the socket is bound to; empty: to none.
    virtual std::string device() const = 0;
    /// Returns 0 or the errno: ENETUNREACH, EPERM (firewall), ENOBUFS, EAGAIN ...
    virtual int send(wire::View datagram) = 0;
    /// The size of the next datagram (above buffer.size() where it was cut), or empty when there is
    /// none.  Errors that the kernel keeps for the socket are skipped.
    virtual std::optional<std::size_t> receive(std::span<std::uint8_t> buffer) = 0;
    /// The device under it went away, as the last `receive` found: make a new port.
    virtual bool gone() const { return false; }
};

/// Throws std::system_error while the address or the device is not there (yet), and
/// std::invalid_argument when an address is none.
using PortMaker = std::function<std::unique_ptr<Port>(const LinkOptions&)>;

/// A UDP socket bound to the local address and, but for loopback, to its device: what leaves on
/// another device can never pass for this cable.  Where the kernel denies that (no privilege) the
/// address alone has to do.  Or a serial port.
std::unique_ptr<Port> open_port(const LinkOptions& link);

} // namespace roleswap::link
