#pragma once
#include "answer.hpp"
#include "bus/verb.hpp"
#include "context.hpp"
#include <optional>

namespace roleswap::daemon {

/// Carries out the verbs on this node: those of the pair here, those of the work in the engine.
class Verbs {
public:
    explicit Verbs(const Context& context) : context_(context) {}
    /// Answers once, perhaps later.  Throws bus::Error for bad arguments.
    void call(const bus::Verb& verb, const nlohmann::json& args, const Requester& who,
              Answer answer);

private:
    void status(Answer answer);
    void check(const nlohmann::json& args, Answer answer);
    Answer check_third(Answer answer);
    void check_peer(const nlohmann::json& here, const Answer& answer);
    nlohmann::json fence_status() const;
    void fence_test(const nlohmann::json& args, const Requester& who, const Answer& answer);
    nlohmann::json fence_confirm(const nlohmann::json& args, const Requester& who);
    nlohmann::json events(const nlohmann::json& args) const;
    void hand_over(const nlohmann::json& args, Answer answer);
    void order_hand_over(Answer answer);
    void witness_status(Answer answer);
    void witness_init(const nlohmann::json& args, Answer answer);
    void created(const witness::Answer& result, const std::optional<witness::Verdict>& before,
                 const Answer& answer);
    void activate(const nlohmann::json& args, const Requester& who, Answer answer);
    void work(const bus::Verb& verb, const nlohmann::json& args, const Requester& who,
              const Answer& answer);
    const Context& context_;
};

} // namespace roleswap::daemon
