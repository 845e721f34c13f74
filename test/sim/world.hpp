#pragma once
#include "core/machine.hpp"
#include "rng.hpp"
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

struct Options {
    std::uint64_t seed = 1;
    core::Settings::Sabotage sabotage = core::Settings::Sabotage::none;
    bool trace = false;
    /// Both nodes may reach a probe while every link is cut: the stated unsafe case of a pair.
    bool unsafe = false;
};

/// What happens in every world at least once, besides what comes by chance.
enum class Fault : std::uint8_t { loss, delay, reordering, crash, freeze, disk_stall };
constexpr std::array<const char*, 6> fault_names = {"loss",  "delay",  "reordering",
                                                    "crash", "freeze", "disk stall"};

struct Outcome {
    std::string violation; ///< empty where all invariants held
    std::uint64_t hash = 0;
    unsigned frozen_overlaps = 0; ///< tasks of a frozen daemon outlived its role (no guard yet)
    unsigned takeovers = 0, handovers = 0, undone = 0, fenced = 0, went_alone = 0, commits = 0;
    bool probes = false;
    /// By Fault: messages lost on every link that was not cut, late by more than 10 ms, arrived
    /// after a newer one; daemons or hosts ended and started again; freezes; writes held up.
    std::array<unsigned, fault_names.size()> faults{};
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
    bool broken = false; ///< half a copy
    std::uint64_t op = 0;
    Micros answered_at = 0;
};

struct DiskWrite {
    core::Record record;
    std::uint64_t ticket;
};

struct SimNode {
    core::State core;
    bool alive = false;
    bool frozen = false;
    std::uint32_t generation = 0;
    std::vector<core::Input> inbox; ///< arrived while frozen
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
    bool excused = false;   ///< frozen with live tasks
    bool lan = true;        ///< reaches a probe
    bool lost_last = false; ///< its newest message was lost in a rough phase
    std::pair<std::uint64_t, std::uint64_t> newest; ///< boot and sequence of what it heard
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
    void step(unsigned n, const core::Input& what);
    void elapse(unsigned n);
    void tick(unsigned n, std::uint32_t generation);
    void boot(unsigned n);
    void crash(unsigned n, bool host, Micros down);
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

    // faults.cpp
    void plan();
    void plan_each_kind();
    void plan_one(Micros when);
    void plan_cut(Micros when);
    void plan_node(Micros when);
    void plan_store(Micros when);
    void plan_command(Micros when);
    void cut(unsigned mask, Micros when, Micros duration);
    void fail(unsigned n, bool host, Micros down);
    void crash_some(bool host, Micros down);
    void freeze_some(Micros duration);
    void provoke_write();
    void end_rough();
    void happened(Fault fault) { outcome_.faults[std::size_t(fault)]++; }
    bool had(Fault fault) const { return outcome_.faults[std::size_t(fault)] > 0; }
    void heal();
    bool open(unsigned from) const;
    bool connected() const { return open(0) && open(1); }
    void update_isolation();

    // checks.cpp
    void check();
    void check_written(unsigned n, const core::Record& record);
    void check_sent(unsigned n, const core::Message& message);
    bool able(unsigned n) const;
    void violate(const std::string& what);
    bool converged() const;
    void note(unsigned n, const char* sign, const std::string& text);
    void mix(std::uint64_t value) { outcome_.hash = (outcome_.hash ^ value) * 0x100000001b3U; }

    Options options_;
    Rng rng_;
    Micros now_ = 0;
    std::uint64_t order_ = 0;
    std::priority_queue<Event> queue_;
    std::array<SimNode, 2> nodes_;
    core::Settings settings_;
    /// cut_[l][from]: how many faults cut this direction of link l.
    std::array<std::array<int, 2>, 3> cut_{};
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
    Outcome outcome_;
};

} // namespace roleswap::sim
