#pragma once
#include "core/machine.hpp"
#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace roleswap::scenario {

/// Two cores in a world without chance: every answer comes after a fixed time, and what the script
/// does not disturb works.  The trace shows every input and effect, messages only where they say
/// something new.
class Pair {
public:
    /// One line of a script (README in this folder); throws std::invalid_argument.
    void command(const std::string& line);
    const std::string& trace() const { return trace_; }

private:
    struct Side {
        core::State core;
        core::Record disk;
        std::uint64_t boots = 0;
        std::uint32_t generation = 0;
        core::Ticks boot_at = 0;
        bool alive = false, lan = true, deaf = false;
        bool primary = false;
        core::Ticks frozen_until = 0;
        core::Ticks disk_delay = 2;
        std::map<std::string, unsigned> failing;
        bool witness = true; ///< reaches it
        bool fired = false;  ///< its guard fired and was not told anything since
        bool armed = false;  ///< it has a deadline
        core::Message told;
        std::vector<core::Input> inbox;
    };
    using Key = std::pair<core::Ticks, std::uint64_t>;

    void run(core::Ticks duration);
    void later(core::Ticks delay, std::function<void()> what);
    void boot(unsigned n);
    void crash(unsigned n);
    void tick(unsigned n, std::uint32_t generation);
    void give(unsigned n, core::Ticks delay, core::Input what);
    void step(unsigned n, const core::Input& what);
    void elapse(unsigned n);
    void carry_out(unsigned n, const core::Effect& effect);
    void send(unsigned n, const core::Message& message);
    void store(unsigned n, core::StoreEvent::Kind kind, core::Ticks delay);
    bool fails(unsigned n, const std::string& what);
    void note(unsigned n, const std::string& text);
    void ask_witness(unsigned n, const core::WitnessAsk& ask);
    void fence(unsigned n, const core::FencePeer& order);
    void extend_guard(unsigned n, const core::ExtendGuard& order);
    void guard_fires(unsigned n);
    bool set_up(const std::string& what, const std::string& value);
    void operate(unsigned n, const std::string& verb, const std::string& argument);

    core::Settings settings_{.heartbeat = 50, .takeover_delay = 1000, .probes_configured = true};
    std::array<Side, 2> sides_;
    std::map<Key, std::function<void()>> queue_;
    core::Verdict verdict_{1, 0, core::Node::first};
    core::Ticks fence_delay_ = 0; ///< until the peer is off
    core::Ticks now_ = 0;
    std::uint64_t order_ = 0;
    std::uint64_t commands_ = 0;
    std::string trace_;
};

} // namespace roleswap::scenario
