#pragma once
#include "link/channel.hpp"
#include "link/exchange.hpp"
#include "link/peer_boot.hpp"
#include "link/transport.hpp"

namespace roleswap::link {

/// Joins the parts: channels below, boots and windows in the middle, requests above.
class Transport::Impl {
public:
    Impl(event::Loop& loop, Options options, Handler& handler, Transport& facade);

    void broadcast(wire::View bytes);
    RequestId request(wire::View bytes, Duration timeout, OnAnswer on_answer);
    void cancel(RequestId id) { asking_.cancel(id); }
    void reply(RequestId id, std::uint64_t boot, wire::View bytes);
    const std::vector<std::unique_ptr<Channel>>& channels() const { return channels_; }
    /// The first link that is up and carries requests.
    std::optional<std::size_t> best() const;
    bool any_live() const;
    std::uint64_t peer_boot() const { return boots_.confirmed(); }

private:
    wire::Envelope next_envelope();
    void send(const wire::Frame& frame, Route route);
    static void send(Channel& channel, const wire::Envelope& envelope, const wire::Frame& frame,
                     Duration now);
    enum class Reading : std::uint8_t {
        heartbeat, ///< what is there, up to a heartbeat
        all,       ///< nothing is left
    };
    void drain(std::size_t index, Reading reading);
    void take(std::size_t index, const Opened& opened, Monitor::Timing timing);
    bool of_living_peer(std::size_t index, const wire::Content& content);
    void confirmed(const wire::Envelope& envelope);
    void deliver(std::size_t index, const wire::Content& content);
    void end_turn();
    void tick();
    void judge_links(Duration now);
    void plan_turn(Duration now);
    void settle();
    void fail_refused();
    bool paused(Duration now) const;
    LinkState any_state() const;
    Duration repeat_after() const;

    Options options_;
    Handler& handler_;
    Transport& facade_;
    Seal seal_;
    PeerBoot boots_;
    wire::ReplayWindow window_; ///< over all links
    Asking asking_;
    Serving serving_;
    std::uint64_t sequence_ = 0;
    Duration turn_at_; ///< when the loop was last seen running
    Duration mend_at_{0};
    std::vector<OnAnswer> refused_;
    event::IoGroup sockets_; ///< a heartbeat comes over all links at nearly the same time
    std::vector<std::unique_ptr<Channel>> channels_;
    event::Deferred deferred_;
    event::Timer timer_;
};

} // namespace roleswap::link
