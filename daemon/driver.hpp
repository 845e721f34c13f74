#pragma once
#include "announcer.hpp"
#include "answer.hpp"
#include "core/machine.hpp"
#include "durable/record_file.hpp"
#include "durable/writer.hpp"
#include "event/loop.hpp"
#include "evidence_json.hpp"
#include "fence/fence.hpp"
#include "guard/client.hpp"
#include "link/probe.hpp"
#include "link/transport.hpp"
#include "store/managed.hpp"
#include "witness/witness.hpp"
#include "work/engine.hpp"
#include <deque>
#include <map>

namespace roleswap::daemon {

/// Feeds the role protocol and carries out its effects, in order: the only place where effects
/// become IO.  Inputs that come up meanwhile wait in a queue; nothing nests.  Pinned.
class Driver {
public:
    /// What the effects act on; all outlive the driver.
    struct Parts {
        event::Loop& loop;
        durable::Writer& writer;
        link::Transport& transport;
        link::Prober& prober;
        guard::Client& guard;
        store::ManagedStore& store;
        work::Engine& engine;
        Announcer& announcer;
        std::string record_path;
        witness::Witness* witness = nullptr; ///< null: none is configured
        event::Duration witness_limit{0};    ///< of one question to it
        fence::Fence* fence = nullptr;       ///< null: none is configured
        link::Transport* third = nullptr;    ///< to the node that is not the peer; null: none
        /// Tells the store whom it goes with, by core::upstream().
        std::function<void()> aim_store = [] {};
        Names names{}; ///< for the evidence of a decision
    };
    Driver(Parts parts, const core::Settings& settings, const durable::NodeRecord& record);

    /// Time that passed since the last input is stepped before it.
    void feed(core::Input input);
    /// At the top of a turn, right after `feed(Elapsed)`: what was ordered since the store told
    /// this would have superseded it, so time does not pass again in between.
    void feed_store(const core::StoreEvent& event);
    /// Answers when the core replies to it.
    void command(core::Command::Kind kind, std::string reason, Answer answer);

    const core::State& state() const { return state_; }
    std::uint64_t boot() const { return settings_.boot; }
    /// Called after each change of role, record or mode.
    void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }
    /// Of the last minute, how late the latest turn of the clock was, for `check`: how late this
    /// machine lets the daemon be.
    event::Duration worst_delay() const;

private:
    void plan_turn();
    void note_turn();
    void work_off();
    bool stepped_ = false; ///< time has passed already for the next input
    void look_at_guard();
    void step(const core::Input& input);
    void pass_time();
    void carry_out(const core::Effect& effect);
    void on(const core::Notify& effect);
    void on(const core::Persist& effect);
    void on(const core::Send& effect);
    void on(const core::StoreFollow& effect);
    void on(const core::StoreFreeze& effect);
    void on(const core::Probe& effect);
    void on(const core::WitnessAsk& effect);
    void on(const core::Reply& effect);
    void on(const core::ExtendGuard& effect);
    void on(const core::FencePeer& effect);
    void give_up_fence();

    Parts parts_;
    core::Settings settings_;
    core::State state_;
    core::Epoch doubt_;                  ///< see core::doubt_of; on the disk with the record
    core::State before_;                 ///< the newest step,
    const core::Input* input_ = nullptr; ///< and what it stepped; null between steps
    std::deque<core::Input> waiting_;
    bool working_ = false;
    bool guard_fired_ = false;  ///< and kills until it is given a new deadline
    event::Duration last_;      ///< up to here time was stepped, whole milliseconds
    event::Duration last_turn_; ///< when the last turn that counts was due
    event::Duration due_{0};    ///< when it is due next
    struct Delay {
        event::Duration at;
        event::Duration late;
    };
    std::deque<Delay> delays_;
    std::map<std::uint64_t, Answer> commands_;
    std::uint64_t next_command_ = 1;
    std::function<void()> on_change_;
    event::Timer clock_;
};

} // namespace roleswap::daemon
