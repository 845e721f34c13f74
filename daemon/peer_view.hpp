#pragma once
#include "answer.hpp"
#include "event/loop.hpp"
#include "link/transport.hpp"
#include <nlohmann/json.hpp>

namespace roleswap::daemon {

/// What the peer says of itself, asked once a second, so that status is quick and still tells
/// something of a peer that is gone.  Pinned.
class PeerView {
public:
    using OnNews = std::function<void(const nlohmann::json&)>;
    PeerView(event::Loop& loop, link::Transport& transport, OnNews on_news);

    /// A verb for the peer's dispatcher.
    void ask(const nlohmann::json& request, std::chrono::milliseconds timeout, Answer answer);
    /// Fresh node status where the peer answers within 400 ms, else the last one known, with
    /// "reachable": false.
    void fresh(std::function<void(const nlohmann::json&)> done);
    /// Empty object when the peer never answered.
    const nlohmann::json& last() const { return last_; }

private:
    void poll();
    link::Transport& transport_;
    OnNews on_news_;
    nlohmann::json last_ = nlohmann::json::object();
    event::Timer timer_;
};

} // namespace roleswap::daemon
