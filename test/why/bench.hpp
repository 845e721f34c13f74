#pragma once
#include "core/evidence.hpp"
#include <string>

namespace roleswap::core::test {

enum class Probes : std::uint8_t { answer, silent };

/// What is otherwise than a case of the test has it; empty members leave it to the case.
struct Otherwise {
    std::optional<Probes> probes{};
    std::optional<WitnessAnswer::Kind> witness{}; ///< to every question, at once
    std::optional<FenceAnswer::Kind> fence{};
    std::optional<bool> hold{};      ///< takeover is held, or never held, on this node
    std::optional<bool> peer_hold{}; ///< and on the peer
};

/// One core, the first node or the dr node, with others and third parties that say what the test
/// wants.  Keeps the evidence of each Notify as the daemon does.
class Bench {
public:
    Bench(const Settings& settings, const Record& disk, const Otherwise& otherwise = {});

    void pass(Ticks ticks);
    /// Steps of 40 ms without a word of the peer, until something named `what` is told or the time
    /// is over.
    bool silence(Ticks ticks, std::string_view what, Probes probes = Probes::answer);
    /// The same until the witness or the fence was asked.
    void until_asked(Ticks ticks);
    /// This node does not run for so long; the guard does.
    void freeze(Ticks ticks);
    /// A fresh message of the peer that answers the newest one of this node.
    Message message(Role role, const Record& record) const;
    void hear(const Message& heard);
    void hear(Role role, const Record& record) { hear(message(role, record)); }
    /// Of a node that is not the peer.
    void hear_third(Node from, Role role, const Record& record);
    void step(const Input& input);
    void store(StoreEvent::Kind kind, std::uint64_t position = 0);
    void persisted() { step(Persisted{state.ticket}); }
    void command(Command::Kind kind);
    /// Answers where the witness, or the fence, was asked.
    void witness(WitnessAnswer::Kind kind, const Verdict& found = {});
    void fence(FenceAnswer::Kind kind);

    /// A decision that was told.
    struct Told {
        std::string what;
        Ticks at;
        std::string why;
        Evidence evidence;
    };
    /// The newest of that name; null: none was told.
    const Told* find(std::string_view what) const;
    /// The same was decided at the same moment.
    bool decided(const Told& one) const;
    /// What `roleswap why` shows of the newest decision of that name.
    std::string why(std::string_view what) const;
    std::string why_now() const;

    State state;

private:
    void answer_probe(const Effects& effects);
    void answer_thirds(const Effects& effects);
    Otherwise otherwise_;
    std::uint64_t sequence_ = 0;
    Probes probes_ = Probes::answer;
    std::vector<Told> told_;
};

/// Standby in sync with epoch 4 of the peer, where nothing is in the way.
void become_standby(Bench& bench);
/// Master of epoch 5, mirrored to an in-sync peer.
void become_master(Bench& bench);

} // namespace roleswap::core::test
