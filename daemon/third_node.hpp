#pragma once
#include "announcer.hpp"
#include "core/message.hpp"
#include "link/transport.hpp"
#include "link_announcer.hpp"
#include "peer_view.hpp"

namespace roleswap::daemon {

/// The node that is not the peer: for a node of the pair the dr node, for that the second node (its
/// "peer" is the first).  Links of its own, sealed with keys of their own.  Pinned.
class ThirdNode : private link::Handler {
public:
    struct Ports {
        std::function<void(const core::Message&)> on_message;
        /// Carries out a request of its dispatcher.
        std::function<void(const std::string& request, std::function<void(const std::string&)>)>
            serve;
        std::function<void()> on_link;
    };
    ThirdNode(event::Loop& loop, link::Options options, Announcer& announcer, Ports ports);

    link::Transport& transport() { return transport_; }
    const link::Transport& transport() const { return transport_; }
    const LinkAnnouncer& link_announcer() const { return link_announcer_; }
    PeerView& view() { return view_; }

private:
    void on_message(wire::View bytes, std::size_t link) override;
    void on_request(wire::View bytes, link::Responder responder) override;
    void on_link(std::size_t index, const link::LinkStatus& status) override;

    Ports ports_;
    link::Transport transport_;
    LinkAnnouncer link_announcer_;
    PeerView view_;
};

} // namespace roleswap::daemon
