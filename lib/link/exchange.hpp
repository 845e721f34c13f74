#pragma once
#include "link/outgoing.hpp"
#include <map>
#include <set>

namespace roleswap::link {

/// The asking side of the numbered requests: sends them, repeats, collects replies, times out.
/// Callbacks may call any method.
class Asking {
public:
    explicit Asking(SendFrame send) : send_(std::move(send)) {}

    RequestId add(wire::Bytes message, Duration deadline, OnAnswer on_answer);
    void cancel(RequestId id) { pending_.erase(id); }
    void on_fragment(const wire::Fragment& fragment);
    void on_ack(const wire::Ack& ack);
    /// Tell what arrived since the last call.
    void flush_acks();
    /// `peer`: its confirmed boot, to which new requests go.
    void pump(Duration now, Duration repeat_after, std::uint64_t peer);
    /// Calls back for those whose time is over.
    void expire(Duration now);
    /// Calls back for those that went to another boot than this one.
    void peer_is(std::uint64_t boot);

private:
    struct Pending {
        Outgoing out;
        Duration deadline;
        OnAnswer on_answer;
        std::uint64_t boot = 0; ///< it went to; 0 = not sent yet
        std::optional<wire::Assembly> reply;
    };
    template <typename Condition> void fail_where(RequestError error, Condition condition);
    SendFrame send_;
    RequestId last_id_ = 0;
    std::map<RequestId, Pending> pending_;
    std::map<RequestId, wire::FragmentSet> acks_;
};

/// The answering side: puts requests together, has each executed once, sends the replies until
/// they arrived, and remembers for two minutes which numbers it has seen.
class Serving {
public:
    using Execute = std::function<void(RequestId, wire::View)>;
    Serving(SendFrame send, Execute execute) : send_(std::move(send)), execute_(std::move(execute))
    {
    }

    void on_fragment(const wire::Fragment& fragment, Duration now);
    void on_ack(const wire::Ack& ack, Duration now);
    /// Ignored where the request is unknown or has its reply.
    void reply(RequestId id, wire::Bytes message, Duration now);
    void flush_acks();
    void pump(Duration now, Duration repeat_after);
    /// Drops transfers and replies that nobody wants any more.
    void forget(Duration now);
    /// Another boot of the peer: its numbers start over, its predecessor wants no replies.
    void reset();

private:
    enum class Stage : std::uint8_t {
        receiving, ///< fragments are missing
        executing, ///< handed out, no reply yet
        replying,  ///< the reply is on its way
        done,      ///< the reply arrived or was given up; only the number is kept
    };
    struct Served {
        wire::Assembly request;
        Stage stage = Stage::receiving;
        Duration since{0}; ///< last change of the stage; while receiving: last fragment
    };
    Served* find_or_add(const wire::Fragment& fragment);
    SendFrame send_;
    Execute execute_;
    std::map<RequestId, Served> served_;
    std::map<RequestId, Outgoing> replies_; ///< under way: few, where served_ remembers hundreds
    RequestId forgotten_ = 0; ///< highest number that was dropped: never executed again
    std::set<RequestId> unacknowledged_;
};

} // namespace roleswap::link
