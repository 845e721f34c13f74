#pragma once
#include "answer.hpp"
#include "bus/verb.hpp"
#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace roleswap::daemon {

/// Sends every verb to where it belongs: to this node's handlers, or over the links to the peer.
/// A verb of the master that reaches the standby is relayed once; nothing is relayed twice.
class Dispatcher {
public:
    /// What the instance lends.
    struct Ports {
        std::string self;
        std::string peer;
        std::function<bool()> self_is_master;
        std::function<bool()> peer_is_master;
        /// Sends a request object to the peer; the answer is what the peer's dispatcher said.
        std::function<void(const nlohmann::json& request, std::chrono::milliseconds, Answer)>
            ask_peer;
        /// Carries out a verb on this node.
        std::function<void(const bus::Verb&, const nlohmann::json& args, const Requester&, Answer)>
            local;
        /// One sentence: why there is no master now.
        std::function<std::string()> why_no_master;
        std::string third{}; ///< the node that is not the peer; empty: there is none
        std::function<bool()> third_is_master = [] { return false; };
        std::function<void(const nlohmann::json& request, std::chrono::milliseconds, Answer)>
            ask_third{};
    };
    explicit Dispatcher(Ports ports) : ports_(std::move(ports)) {}

    void call(const bus::Verb& verb, const nlohmann::json& args, const Requester& who,
              Answer answer);

    /// A request as the peer's dispatcher sent it: {"verb","args","uid","user"}; the reply goes
    /// back as {"ok":result} or {"error":{"code","message"}}, which also tells that a result is
    /// longer than the links carry.
    void serve_peer(const std::string& request, std::function<void(const std::string&)> reply);

private:
    enum class Where : std::uint8_t { here, peer, third };
    Where choose(const bus::Verb& verb, const nlohmann::json& args, const Requester& who) const;
    Where named(const std::string& node) const;
    void relay(Where where, const bus::Verb& verb, const nlohmann::json& args, const Requester& who,
               Answer answer);
    std::string reply_text(const bus::Verb& verb, const nlohmann::json& result) const;
    Ports ports_;
};

/// Reads the reply that serve_peer made, and answers with it.
void answer_from_reply(const std::string& reply, const Answer& answer);

} // namespace roleswap::daemon
