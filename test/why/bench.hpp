#pragma once
#include "core/evidence.hpp"
#include <string>

namespace roleswap::core::test {

/// One core, the first node, with a peer and third parties that say what the test wants.  Keeps
/// the evidence of each Notify as the daemon does.
class Bench {
public:
    Bench(const Settings& settings, const Record& disk);

    void pass(Ticks ticks);
    /// Steps of 40 ms without a word of the peer, until something named `what` is told or the time
    /// is over.
    enum class Probes : std::uint8_t { answer, silent };
    bool silence(Ticks ticks, std::string_view what, Probes probes = Probes::answer);
    /// A fresh message of the peer that answers the newest one of this node.
    Message message(Role role, const Record& record) const;
    void hear(const Message& heard);
    void hear(Role role, const Record& record) { hear(message(role, record)); }
    void step(const Input& input);
    void store(StoreEvent::Kind kind, std::uint64_t position = 0);
    void persisted() { step(Persisted{state.ticket}); }
    void command(Command::Kind kind) { step(Command{7, kind, "the rack burns"}); }
    void witness(WitnessAnswer::Kind kind, const Verdict& found = {});
    void fence(FenceAnswer::Kind kind);

    /// What `roleswap why` shows of the newest decision of that name.
    std::string why(std::string_view what) const;
    std::string why_now() const;

    State state;

private:
    struct Told {
        std::string what;
        std::string why;
        Evidence evidence;
    };
    void answer_probe(const Effects& effects);
    std::uint64_t sequence_ = 0;
    Probes probes_ = Probes::answer;
    std::vector<Told> told_;
};

/// Standby in sync with epoch 4 of the peer.
Bench standby(Settings settings);
/// Master of an epoch of its own, mirrored to an in-sync peer.
Bench master(Settings settings);
/// With probes, without witness and fence.
Settings pair_only();

} // namespace roleswap::core::test
