#pragma once
#include "link/types.hpp"
#include <memory>

namespace roleswap::link {

class Transport;

/// Right to answer one request, once, now or later.  A copy is the same right; a second answer and
/// one to a peer that restarted meanwhile are dropped.  Must not be used after the Transport died.
class Responder {
public:
    /// Throws std::length_error above message_bytes_max.
    void reply(wire::View bytes) const;

private:
    friend class Transport;
    Responder(Transport& transport, RequestId id, std::uint64_t boot)
        : transport_(&transport), id_(id), boot_(boot)
    {
    }
    Transport* transport_;
    RequestId id_;
    std::uint64_t boot_;
};

/// What the owner of a Transport wants to hear.  Called from the loop, never from inside `request`
/// or `broadcast`.  The bytes live during the call only.
class Handler {
public:
    Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    virtual ~Handler() = default;

    /// A broadcast of the peer's confirmed boot, once, on the link that was quickest.
    virtual void on_message(wire::View bytes, std::size_t link) = 0;
    /// Executed at most once, whatever the network repeats.
    virtual void on_request(wire::View bytes, Responder responder) = 0;
    virtual void on_link(std::size_t index, const LinkStatus& status) = 0;
};

/// Sealed datagrams to the peer over several cables at once.
///
/// *Seal.*  XChaCha20-Poly1305 with a random nonce; one key per direction, derived from the pair
/// key and the pair name.  The clear header (magic, version, pair tag, sender, link) is
/// authenticated.
///
/// *Boots.*  A datagram may wait in a queue (ARP, a switch) and come out after its sender died, so
/// being sealed does not prove that the sender lives.  A datagram of a boot that is not the
/// confirmed one is answered by a challenge, 16 random bytes, and dropped; only a process that
/// lives can return them.  The answer makes its boot the confirmed one, and the answer's sequence
/// number is where the replay windows start: what that boot sent earlier is too old.  While a link
/// is up, a boot below the confirmed one is not even challenged; when all are down it may be (a
/// reinstalled peer counts from 1 again), and still has to answer.
///
/// *Replay.*  Each message has one sequence number on all links.  A window per link rejects what
/// that link already delivered; a window over all links delivers each message once.
///
/// *Links.*  Each link stands for itself: a send error or a missing address is counted there and
/// touches no other link.  A link is up by received datagrams only: the first one of a fresh boot,
/// later `up_after` in a row; down after `dead_after` without any.  After a pause of the loop,
/// waiting datagrams are read before a link is called dead.
///
/// *Serial links.*  A null-modem cable is slow, so it carries only broadcasts, the newest one as
/// often as its baud rate allows (wire::serial_pace), and challenges.  Each datagram is framed
/// (wire/serial_frame.hpp); bytes that are no frame count as malformed.
///
/// *Requests.*  Numbered, cut into fragments, acknowledged; short ones go over all links at once,
/// long ones over the best live link, what is not acknowledged is repeated over all.  A request
/// goes to one boot of the peer and dies with it.
class Transport {
public:
    /// Opens the sockets; a link whose address is not there is down and retried every 500 ms.
    /// Throws std::invalid_argument for addresses that are none and options out of range.
    Transport(event::Loop& loop, Options options, Handler& handler);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Sends up to broadcast_bytes_max bytes on every link now, on a serial one when its turn has
    /// come; may be lost.
    void broadcast(wire::View bytes);

    /// Calls `on_answer` once, later, unless this object is destroyed or the request cancelled
    /// before.  The time-out covers transfer and execution; while the peer is away it only waits.
    RequestId request(wire::View bytes, Duration timeout, OnAnswer on_answer);
    /// Forgets the callback; the peer may act all the same.
    void cancel(RequestId id);

    std::size_t links() const;
    LinkStatus status(std::size_t index) const;
    /// Indexes of the links that are up, serial ones among them, best first.
    std::vector<std::size_t> live() const;
    bool any_live() const;
    /// Boot of the peer that answered our challenge last; 0 = none yet.
    std::uint64_t peer_boot() const;

private:
    friend class Responder;
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace roleswap::link
