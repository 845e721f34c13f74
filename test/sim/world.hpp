#pragma once
#include "core/machine.hpp"
#include "rng.hpp"
#include "shape.hpp"
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace roleswap::sim {

/// Real time of the world in microseconds; nobody inside can read it.
using Micros = std::uint64_t;
constexpr Micros ms = 1000;
constexpr Micros second = 1000 * ms;
/// Everything is healed then.
constexpr Micros faults_end = 20 * second;

struct Options {
    std::uint64_t seed = 1;
    core::Settings::Sabotage sabotage = core::Settings::Sabotage::none;
    bool trace = false;
    /// Both nodes may reach a probe while every link is cut: the stated unsafe case of a pair.
    bool unsafe = false;
    std::optional<Shape> shape; ///< else the seed chooses
};

struct Outcome {
    std::string violation; ///< empty where all invariants held
    std::uint64_t hash = 0;
    Shape shape;
    unsigned frozen_overlaps = 0; ///< tasks of a frozen daemon outlived its role, without guard
    unsigned takeovers = 0, handovers = 0, undone = 0, fenced = 0, went_alone = 0, commits = 0;
    unsigned granted = 0, refused = 0; ///< answers of the witness
    unsigned switched_off = 0;         ///< by a fence
    unsigned guard_fired = 0;
    bool probes = false;
    /// By Fault, see there.
    std::array<unsigned, fault_count> faults{};
    /// From the end of the last fault until the pair was and stayed one master with an in-sync
    /// standby, in thousandths of the takeover delay.
    std::uint64_t settled_permille = 0;
    std::string human; ///< not settled, because the protocol waits for a human: role, row, why
    std::string trace; ///< with Options::trace only
};

/// A store as far as roles care: who accepts commits, and what it holds.
struct Store {
    enum class State : std::uint8_t { down, following, primary };
    State state = State::down;
    std::vector<std::uint32_t> log; ///< ids of commits, unique in the world
    std::size_t acked = 0;          ///< of `log`, told to clients
    bool freezing = false, frozen = false;
    bool sync = false;       ///< commits wait for the peer
    bool sync_owed = false;  ///< in_sync is still to be answered
    std::size_t sync_at = 0; ///< answered when the peer holds so much
    bool streaming = false;
    bool want_follow = false;
    bool broken = false;   ///< half a copy
    bool may_lead = false; ///< it led since the daemon was last told of it
    std::uint64_t op = 0;
    Micros answered_at = 0;
};

struct DiskWrite {
    core::Record record;
    std::uint64_t ticket;
};

/// The register of the witness.
struct Register {
    std::optional<core::Verdict> verdict{{1, 0, core::Node::first}}; ///< none: it lost its memory
    std::uint64_t revision = 1;
};

/// One reading of the register on behalf of a question.
struct Question {
    unsigned n = 0;
    std::uint32_t generation = 0;
    core::WitnessAsk ask;
    Register read; ///< as it came
};

struct SimNode {
    core::State core;
    bool alive = false;
    bool frozen = false;
    std::uint32_t generation = 0;
    std::vector<std::function<void()>> inbox; ///< what the daemon has to do, while frozen
    Micros boot_at = 0;
    std::uint64_t rate_ppm = 1000000;
    std::uint64_t boots = 0;
    core::Record disk;
    std::vector<core::Record> written; ///< all that `disk` ever was
    std::deque<DiskWrite> writes;
    Micros disk_free_at = 0, disk_slow_until = 0;
    Store store;
    bool lead_fails = false;
    bool tasks = false; ///< a task process is alive
    std::uint64_t kill_op = 0;
    bool excused = false;   ///< frozen with live tasks, where no guard and no fence ends them
    bool lan = true;        ///< reaches a probe
    bool lost_last = false; ///< its newest message was lost in a rough phase
    std::pair<std::uint64_t, std::uint64_t> newest; ///< boot and sequence of what it heard
    std::uint32_t power = 0;        ///< grows when it is switched off: what it had planned is void
    Micros gone_at = 0;             ///< nothing of the daemon that ended last is left from then on
    std::uint64_t question = 0;     ///< ticket at the witness, 0 = none
    std::uint64_t fence_ticket = 0; ///< the agent runs for this question, 0 = none
    bool guard_up = false;
    bool fired_unseen = false; ///< the guard fired and the daemon does not know
    bool fired = false;        ///< and does not watch before it is told to
    bool deadline_watched = false;
    core::Ticks deadline = core::ExtendGuard::never; ///< by the node's clock
};

class World {
public:
    explicit World(const Options& options);
    Outcome run();

private:
    struct Event {
        Micros at;
        std::uint64_t order;
        std::function<void()> what;
        bool operator<(const Event& o) const { return at != o.at ? at > o.at : order > o.order; }
    };

    // world.cpp: time and nodes
    void at(Micros when, std::function<void()> what);
    void later(Micros delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
    /// For the daemon of node `n` as it is now; dropped when that daemon ends before.
    void input(unsigned n, Micros when, core::Input what);
    void give(unsigned n, const core::Input& what);
    /// The daemon of node `n` does `what` now, or when it wakes.
    void act(unsigned n, std::function<void()> what);
    void step(unsigned n, const core::Input& what);
    void elapse(unsigned n);
    void tick(unsigned n, std::uint32_t generation);
    void boot(unsigned n);
    void crash(unsigned n, bool host, Micros down);
    void end(unsigned n, Micros rest);
    void nothing_left(unsigned n);
    void boot_later(unsigned n, Micros delay);
    void freeze(unsigned n, Micros duration);
    void wake(unsigned n, std::uint32_t generation);

    // effects.cpp
    void carry_out(unsigned n, const core::Effect& effect);
    void count(std::string_view what);
    void send(unsigned n, const core::Message& message);
    void arrive(unsigned n, const core::Message& message, bool late);
    void persist(unsigned n, const core::Persist& effect);
    void written(unsigned n, std::uint32_t generation);
    void kill_tasks(unsigned n);
    void probe(unsigned n);
    void reply(unsigned n, const core::Reply& reply);

    // stores.cpp
    void failed(unsigned n, Micros delay);
    void answer(unsigned n, core::StoreEvent::Kind kind, Micros delay);
    void follow(unsigned n);
    void try_follow(unsigned n, std::uint64_t op);
    void copied(unsigned n, std::uint64_t op);
    void attach(unsigned n);
    void lead(unsigned n);
    void led(unsigned n, std::uint64_t op);
    void stop(unsigned n);
    void set_mode(unsigned n, core::Mode mode);
    void store_dies(unsigned n);
    void pump();
    void replicate(unsigned n);
    void commit(unsigned n);
    void acknowledge(unsigned n);
    bool can_stream(unsigned n) const;
    bool is_prefix(unsigned n) const;

    // third.cpp: witness and fence
    bool reaches_witness(unsigned n);
    Micros way_to_witness();
    void ask_witness(unsigned n, const core::WitnessAsk& ask);
    void read_witness(const Question& question);
    void judge(const Question& question);
    void put(const Question& question);
    void witness_answers(const Question& question, core::WitnessAnswer::Kind kind);
    void end_question(unsigned n, const core::WitnessAnswer& answer);
    void wipe_witness();
    void init_witness();
    void fence_peer(unsigned n, std::uint64_t ticket);
    void withdraw_fence(unsigned n);
    void switch_off(unsigned n);

    // guard.cpp
    void start_guard(unsigned n);
    void guard_dies(unsigned n);
    void extend_guard(unsigned n, core::Ticks until);
    void watch_deadline(unsigned n);
    void fire(unsigned n);
    bool is_guarded(unsigned n) const
    {
        return !shape_.guard || (nodes_[n].guard_up && nodes_[n].core.guard_ready);
    }

    // faults.cpp
    void plan();
    void plan_each_kind();
    void plan_one(Micros when);
    void plan_cut(Micros when);
    void plan_node(Micros when);
    void plan_store(Micros when);
    void plan_command(Micros when);
    void plan_third(Micros when);
    void plan_witness(Micros when);
    /// As at(), but nothing breaks any more when all is healed.
    void breaks(Micros when, std::function<void()> what);
    Micros fault_length();
    void cut(unsigned mask, Micros when, Micros duration);
    void fail(unsigned n, bool host, Micros down);
    void crash_some(bool host, Micros down);
    void freeze_some(Micros duration);
    void guard_dies_some();
    void end_rough();
    /// Something around the nodes is broken, at least until it mattered once.
    void phase(Fault fault, unsigned n, Micros when, Micros length);
    void end_phase(Fault fault, unsigned n);
    bool broken(Fault fault, unsigned n = 0) const { return broken_[std::size_t(fault)][n] > 0; }
    void provoke();
    void provoke_missing();
    bool needed(Fault fault) const { return is_part_of(fault, shape_); }
    void happened(Fault fault) { outcome_.faults[std::size_t(fault)]++; }
    bool had(Fault fault) const { return outcome_.faults[std::size_t(fault)] > 0; }
    bool had_all() const;
    bool open(unsigned from) const;
    bool networks_open() const;
    bool connected() const { return open(0) && open(1); }
    void update_isolation();

    // checks.cpp
    void check();
    void check_written(unsigned n, const core::Record& record);
    void check_sent(unsigned n, const core::Message& message);
    bool able(unsigned n) const;
    void violate(const std::string& what);
    bool converged() const;

    // live.cpp: after the faults
    void heal();
    void heal_node(unsigned n);
    bool all_well() const { return what_is_wrong().empty(); }
    std::string what_is_wrong() const;
    /// True when nothing more is to be seen.
    bool look_at_convergence();
    std::string waits_for_human() const;
    std::string how_they_stand() const;
    void note(unsigned n, const char* sign, const std::string& text);
    void mix(std::uint64_t value) { outcome_.hash = (outcome_.hash ^ value) * 0x100000001b3U; }

    Options options_;
    Rng rng_;
    Micros now_ = 0;
    std::uint64_t order_ = 0;
    std::priority_queue<Event> queue_;
    std::array<SimNode, 2> nodes_;
    core::Settings settings_;
    Shape shape_;
    /// cut_[l][from]: how many faults cut this direction of link l.
    std::array<std::array<int, 2>, link_count> cut_{};
    /// By Fault and node: how many phases of it are under way.
    std::array<std::array<int, 2>, fault_count> broken_{};
    Micros provoked_at_ = 0; ///< not again before
    Register register_;
    bool operator_absent_ = false; ///< nobody makes a new register
    bool hold_stays_ = false;      ///< nobody releases a takeover on hold
    std::uint64_t loss_permille_ = 0;
    /// A phase in which all links together lose messages and hold some of them back.
    bool rough_ = false;
    std::uint64_t rough_loss_permille_ = 0;
    Micros rough_hold_ = 0;
    Micros stall_next_ = 0; ///< the disk of the next write stalls so long
    int isolated_ = -1;     ///< while a direction is cut on every link, this node reaches no probe
    std::uint32_t next_commit_ = 1;
    std::uint32_t acked_id_ = 0; ///< newest acknowledged commit and its place in the log
    std::size_t acked_at_ = 0;
    std::map<core::Epoch, core::Node> masters_;
    std::uint64_t next_command_ = 1;
    bool healed_ = false;
    Micros well_since_ = 0, settled_at_ = 0; ///< the newest moment that was not so
    Outcome outcome_;
};

} // namespace roleswap::sim
